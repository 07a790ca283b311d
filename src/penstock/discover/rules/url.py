"""Web addresses: they carry names, tokens and searches."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_text and column.ends_with("url", "referer", "referrer url", "link", "href", "web page"):
        return Judgement("url", certain=True, evidence="the name says web address", weight=84)
    return None
