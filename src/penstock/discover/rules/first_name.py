"""Given and middle names."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_texts and column.ends_with("first name", "given name", "middle name", "preferred name"):
        return Judgement("first_name", certain=True, evidence="the name says given name", weight=95)
    if column.is_text and column.words in (
        ("first",),
        ("given",),
        ("middle",),
        ("name", "first"),
        ("nick", "name"),
    ):
        certain = column.table.is_about_people
        return Judgement("first_name", certain=certain, evidence="the name says given name", weight=85)
    return None
