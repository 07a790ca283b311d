"""Passwords, their hashes, tokens, keys, one-time codes, session ids: no copy needs the real ones."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement

_ENDINGS = (
    "password", "password hash", "password digest", "password salt", "secret", "token", "api key",
    "access key", "private key", "secret key", "salt", "otp", "pin", "pin code", "session id",
    "session key", "recovery code", "backup code", "cookie", "security answer", "credential",
    "token digest", "token hash", "client secret", "otp secret",
)  # fmt: skip


def judge(column: ColumnContext) -> Judgement | None:
    if column.ends_with(*_ENDINGS) or (column.has("password") and column.head in ("hash", "digest", "salt")):
        if column.is_texts:
            return Judgement("text", certain=True, evidence="the name says secret", weight=91)
        if column.family is Family.BINARY:
            return Judgement("null", certain=True, evidence="the name says secret", weight=91)
    return None
