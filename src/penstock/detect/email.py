"""E-mail addresses in text: what people write (RFC 5322 dot-atoms, international letters), not all the RFC allows.

Characters that join an address to what stands before it (`to=ana@x.example`, `?cc=`, `|`) are no part of it, though the
RFC lets them be: an address must be the same string here as in its own column, or it gets another pseudonym. Links
write the at sign as %40, keyboards of East Asia as a full-width one: those are found too, and `plain` is how the column has them.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from penstock.detect.spans import Spans, Texts, regex_spans, united, whole

_ATOM = r"[\p{L}\p{M}\p{N}_%+~-]+"
_LABEL = r"[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}])?"
_SIGNS = ("@", "%40", "\uff20")
_DOT = r"[.\x{ff0e}]"
_TOP = r"(?:(?i:xn--[a-z0-9-]+)|\p{L}[\p{L}\p{M}]+)"
PATTERN = rf"{_ATOM}(?:(?:'|{_DOT}){_ATOM})*(?:{'|'.join(_SIGNS)})(?:{_LABEL}{_DOT})+{_TOP}"


def find(values: pa.Array) -> Spans:
    """The e-mail addresses in each text."""
    texts = Texts.of(values)
    return united([regex_spans(texts, PATTERN, having=sign) for sign in _SIGNS])[0]


def plain(values: pa.Array) -> pa.Array:
    """Found addresses without %40 and full-width letters; those with an @ as they are."""
    written = pc.utf8_normalize(pc.replace_substring(values, "%40", "@"), form="NFKC")
    return pc.if_else(pc.match_substring(values, "@"), values, written)


def matches(values: pa.Array) -> pa.Array:
    """Which values are one e-mail address."""
    return whole(values, find(values))
