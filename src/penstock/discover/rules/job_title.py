"""What people are called at work and in letters."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_text and column.table.is_about_people:
        if column.has("title") or column.ends_with(
            "position", "profession", "occupation", "salutation", "honorific"
        ):
            return Judgement(
                "keep", certain=False, evidence="a title or position; a rare one names a person", weight=55
            )
    if column.is_text and column.ends_with("contact title", "job title"):
        return Judgement(
            "keep", certain=False, evidence="a title or position; a rare one names a person", weight=55
        )
    return None
