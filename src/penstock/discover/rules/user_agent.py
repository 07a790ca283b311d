"""Browser identifications."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_text and column.ends_with("user agent", "browser", "browser agent"):
        return Judgement("user_agent", certain=True, evidence="the name says user agent", weight=94)
    return None
