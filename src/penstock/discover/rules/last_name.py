"""Family names."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_texts and column.ends_with(
        "last name", "family name", "maiden name", "birth name", "second name"
    ):
        return Judgement("last_name", certain=True, evidence="the name says family name", weight=95)
    numbered = any(sign.isdigit() for sign in column.name.column)  # last4: of a card
    if column.is_text and not numbered and column.words in (("last",), ("name", "last"), ("name", "family")):
        certain = column.table.is_about_people
        return Judgement("last_name", certain=certain, evidence="the name says family name", weight=85)
    return None
