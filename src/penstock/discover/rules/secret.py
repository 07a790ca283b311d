"""Passwords, their hashes, tokens, keys, one-time codes, session ids: no copy needs the real ones."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_number
from penstock.discover.proposal import Judgement

_ENDINGS = (
    "password", "password hash", "password digest", "password salt", "secret", "token", "api key",
    "access key", "private key", "secret key", "salt", "otp", "pin", "pin code", "session id",
    "session key", "otp code", "recovery code", "backup code", "cookie", "security answer", "credential",
    "token digest", "token hash", "client secret", "otp secret", "verification code", "activation code",
    "confirmation code", "access code", "security code", "device code", "user code", "login code", "reset code",
    "invite code", "invitation code", "authorization code", "auth code", "unlock code", "door code",
)  # fmt: skip


def judge(column: ColumnContext) -> Judgement | None:
    of_table = column.words == ("code",) and " ".join(column.table.words[-2:]) in _ENDINGS
    is_digest = column.has("password") and column.head in ("hash", "digest", "salt")
    if column.ends_with(*_ENDINGS) or is_digest or of_table:
        if column.is_texts:
            return Judgement("text", certain=True, evidence="the name says secret", weight=91)
        if column.family is Family.BINARY:
            return Judgement("null", certain=True, evidence="the name says secret", weight=91)
        # Tokens and cookies as numbers are counts.
        if column.is_numbers and column.head in ("password", "pin", "otp", "code"):
            return as_number(column, "the name says secret", weight=91, certain=column.table.is_about_people)
    return None
