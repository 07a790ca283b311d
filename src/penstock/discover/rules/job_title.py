"""What people are called at work and in letters."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if not column.is_text:
        return None
    of_person = column.table.is_about_people and (
        column.has("title")
        or column.ends_with("position", "profession", "occupation", "salutation", "honorific")
    )
    if of_person or column.ends_with("contact title", "job title"):
        evidence = "a title or position; a rare one names a person"
        return Judgement("keep", certain=False, evidence=evidence, weight=55)
    return None
