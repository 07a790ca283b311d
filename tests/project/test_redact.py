"""Nothing of a secret gets out: not through a URL, not in any encoding."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.project.redact import MASK, REDACTED_DSN, redact_url, remember, scrub

SECRETS = st.text(st.characters(codec="utf-8"), min_size=12, max_size=40)


@given(SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_a_remembered_secret_is_removed_raw_and_encoded(secret: str, before: str, after: str) -> None:
    remember(secret)
    for form in (
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        re.sub("%..", lambda code: code[0].lower(), quote(secret, safe="")),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    ):
        assert form not in scrub(f"{before}{form}{after}")


@given(SECRETS, st.binary(max_size=8), st.binary(max_size=8))
def test_a_secret_inside_base64_is_removed_at_every_alignment(
    secret: str, before: bytes, after: bytes
) -> None:
    remember(secret)
    raw = secret.encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        scrubbed = scrub(encode(before + raw + after).decode())
        assert MASK in scrubbed
        left = scrubbed.split(MASK)
        assert all(len(part) <= len(before) * 4 / 3 + len(after) * 4 / 3 + 8 for part in left)


def test_the_longer_of_two_secrets_goes_first() -> None:
    remember("swordfish")
    remember("swordfish-and-more")
    assert scrub("x swordfish-and-more y") == f"x {MASK} y"


def test_the_password_everybody_has_at_home_leaves_urls_readable() -> None:
    remember("postgres")
    assert scrub("postgresql://postgres:postgres@h/x") == f"postgresql://{MASK}:{MASK}@h/x"


@pytest.mark.parametrize("secret", ["", "a", "abc"])
def test_empty_and_short_values_do_not_blank_out_the_text(secret: str) -> None:
    remember(secret)
    assert scrub("abc a b c") == "abc a b c"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:pw@host:5432/shop", "postgresql://u@host:5432/shop"),
        ("postgresql://u@host/shop", "postgresql://u@host/shop"),
        ("postgresql://u:aB1!#!@@host:5432/shop", "postgresql://u@host:5432/shop"),
        ("postgresql://u:p/a?b#c@d@host/shop", "postgresql://u@host/shop"),
        ("postgresql://u:pw@[::1]:5432/shop", "postgresql://u@[::1]:5432/shop"),
        (
            "postgresql://u:pw@host/shop?sslmode=require&password=hidden&token=t",
            "postgresql://u@host/shop?sslmode=require",
        ),
        ("postgresql://u@/shop?host=/tmp&port=5499", "postgresql://u@/shop?host=/tmp&port=5499"),
        ("mysql://u:pw@host/shop", "mysql://u@host/shop"),
        ("host=h password=pw dbname=d", REDACTED_DSN),
        ("postgresql:u:pw", REDACTED_DSN),
        ("", REDACTED_DSN),
    ],
)
def test_a_url_is_shown_by_its_harmless_parts_only(url: str, shown: str) -> None:
    assert redact_url(url) == shown


PASSWORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=6, max_size=20
).map(lambda text: f"Zq7{text}9xK")


@given(PASSWORDS)
def test_no_password_in_a_url_survives_redaction(password: str) -> None:
    for url in (
        f"postgresql://user:{password}@host:5432/shop",
        f"postgresql://user:{quote(password, safe='')}@host/shop",
    ):
        shown = redact_url(url)
        assert password not in shown
        assert "Zq7" not in shown
        assert "9xK" not in shown
