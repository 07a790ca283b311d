"""Dates of birth and death, whatever their type."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    speaks = column.has("birth", "born", "death", "deceased") and not column.has("place", "country", "city")
    if speaks and column.family in (Family.DATE, Family.TIMESTAMP):
        return Judgement("date_shift", certain=True, evidence="a date of birth or death", weight=95)
    if speaks and column.is_text and column.head in ("date", "birth", "born"):
        return Judgement("text", certain=False, evidence="a date of birth as text", weight=80)
    counts = column.family is Family.INTEGER and column.table.is_about_people
    if counts and column.ends_with("birth year", "year birth", "age"):
        return Judgement("keep", certain=False, evidence="how old a person is", weight=60)
    return None
