"""What may be shown of a URL, and the scrubber every line of output passes.

Two nets. `redact_url` is an allow-list: it rebuilds a URL from the parts that are harmless and shows nothing else, so
a secret in an unforeseen place is dropped, not missed. `scrub` knows every secret resolved in this process and removes
it wherever it turns up: raw, percent-encoded, base64 (at any alignment, so inside `user:password` too), and as JSON or
`repr` would escape it.
"""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import parse_qsl, quote, quote_plus, unquote

MASK = "****"
REDACTED_DSN = "<redacted DSN>"
HARMLESS_PARAMETERS = frozenset({
    "channel_binding", "connect_timeout", "host", "port", "sslmode", "target_session_attrs",
})  # fmt: skip
_OWN_WORD = "postgresql"
_SHORTEST = 4  # a shorter secret would blank out ordinary words and protects nothing

_AUTHORITY = r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<userinfo>{userinfo})@)?(?P<host>\[[0-9a-fA-F:.%]+\]|[^@/?#:\[\]]*)(?::(?P<port>[0-9]*))?"
_TAIL = r"(?:/(?P<database>[^?#@]*))?(?:\?(?P<query>{query}))?"
# RFC 3986 first; then the reading people mean when they paste a password with `#`, `/`, `?` or `@` unescaped
_STRICT = re.compile(_AUTHORITY.format(userinfo="[^@/?#]*") + _TAIL.format(query="[^#]*"), re.DOTALL)
_LENIENT = re.compile(_AUTHORITY.format(userinfo=".*") + _TAIL.format(query="[^#@]*"), re.DOTALL)
_PLAIN = re.compile(r"[\w.+\- ,:/\[\]%]*")

_secrets: set[str] = set()
_spelled: tuple[str, ...] = ()  # every spelling of every secret, the longest first; replaced, never changed


def remember(secret: str) -> None:
    """From now on `scrub` removes this value; empty and very short ones are ignored."""
    global _spelled  # noqa: PLW0603  one scrubber per process: a second one would miss secrets
    if len(secret) >= _SHORTEST and secret not in _secrets:
        _secrets.add(secret)
        _spelled = tuple(sorted({*_spelled, *_spellings(secret)}, key=len, reverse=True))


def scrub(text: str) -> str:
    """`text` without any secret that was resolved in this process."""
    for spelling in _spelled:
        if spelling not in text:
            continue
        if (
            spelling in _OWN_WORD and spelling != _OWN_WORD
        ):  # the password "postgres" is not in "postgresql://"
            either = re.compile(f"{_OWN_WORD}|{re.escape(spelling)}")
            text = either.sub(lambda found: found[0] if found[0] == _OWN_WORD else MASK, text)
        else:
            text = text.replace(spelling, MASK)
    return text


def split_url(url: str) -> dict[str, str] | None:
    """The named parts of a database URL, still percent-encoded; None when it cannot be read as one."""
    match = _STRICT.fullmatch(url) or _LENIENT.fullmatch(url)
    return None if match is None else {name: part or "" for name, part in match.groupdict().items()}


def redact_url(url: str) -> str:
    """Scheme, user, host, port, database and harmless parameters of `url`; `<redacted DSN>` if it cannot be read."""
    parts = split_url(url)
    if parts is None or not _PLAIN.fullmatch(unquote(parts["host"] + parts["database"])):
        return REDACTED_DSN
    user = parts["userinfo"].partition(":")[0]
    if not _PLAIN.fullmatch(unquote(user)):
        return REDACTED_DSN
    shown = f"{parts['scheme']}://{user + '@' if user else ''}{parts['host']}"
    shown += f":{parts['port']}" if parts["port"] else ""
    shown += f"/{parts['database']}" if parts["database"] else ""
    harmless = [
        f"{name}={quote(value, safe='/')}"
        for name, value in parse_qsl(parts["query"], keep_blank_values=True)
        if name in HARMLESS_PARAMETERS
    ]
    return scrub(shown + ("?" + "&".join(harmless) if harmless else ""))


def _spellings(secret: str) -> set[str]:
    """The forms in which a secret may turn up in a text."""
    raw = secret.encode("utf-8", "surrogatepass")
    found = {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }
    for encoded in (
        quote(raw),
        quote(raw, safe=""),
        quote_plus(raw),
        quote(secret.encode("utf-8", "surrogatepass"), safe="!$&'()*+,;=:@"),
    ):
        found |= {encoded, re.sub(r"%[0-9A-F]{2}", lambda m: m[0].lower(), encoded)}
    for lead in range(
        3
    ):  # base64 works on groups of three bytes: a secret inside a longer text has one of three forms
        text = base64.b64encode(b"\0" * lead + raw).decode().rstrip("=")
        bits = 8 * (lead + len(raw))
        sure = text[-(-8 * lead // 6) : bits // 6]  # characters that hang on the secret alone
        found |= {sure, sure.replace("+", "-").replace("/", "_")}
    return {form for form in found if len(form) >= _SHORTEST}
