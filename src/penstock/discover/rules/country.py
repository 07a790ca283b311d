"""Countries, languages, currencies, time zones: they group people by the million."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement

_ENDINGS = (
    "country", "country code", "country name", "locale", "language", "language code", "currency", "currency code",
    "timezone", "time zone", "continent",
)  # fmt: skip


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_text and column.ends_with(*_ENDINGS):
        if column.has("passport", "birth", "citizenship", "nationality"):
            return Judgement("text", certain=False, evidence="where a person comes from", weight=78)
        return Judgement("keep", certain=True, evidence=f"a {column.head} alone points at nobody", weight=76)
    return None
