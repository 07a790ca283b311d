"""Dates of birth and death, whatever their type; ages."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_nothing
from penstock.discover.proposal import Judgement

_WORDS = ("birth", "born", "death", "deceased")
_PLACES = ("place", "country", "city")
# Of a number, these say that it is a date; births and deaths alone are counted.
_PARTS = ("date", "year", "month", "day", "time", "epoch", "timestamp")


def judge(column: ColumnContext) -> Judgement | None:
    family = column.value.family
    speaks = column.has(*_WORDS) and not column.has(*_PLACES)
    if speaks and family in (Family.DATE, Family.TIMESTAMP):
        return Judgement("date_shift", certain=True, evidence="a date of birth or death", weight=95)
    if speaks and column.is_text and column.head in ("date", "birth", "born"):
        return Judgement("text", certain=False, evidence="a date of birth as text", weight=80)
    if not column.is_bare or column.head == "id" or column.table.is_nomenclature:
        return None
    if column.is_about_a_person and column.ends_with("age"):
        return Judgement("keep", certain=False, evidence="how old a person is", weight=60)
    if speaks and (column.has(*_PARTS) or column.is_about_a_person):
        if column.is_numbers and column.has("year"):
            return Judgement("keep", certain=False, evidence="how old a person is", weight=60)
        return as_nothing(column, "a date of birth or death, or a part of one", weight=60)
    return None
