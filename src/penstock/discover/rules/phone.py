"""Telephone, fax and extension numbers."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_number
from penstock.discover.proposal import Judgement

ENDINGS = ("phone", "phone number", "mobile", "mobile number", "fax number", "contact number", "whatsapp")


def judge(column: ColumnContext) -> Judgement | None:
    if column.ends_with(*ENDINGS):
        if column.is_texts:
            return Judgement("phone", certain=True, evidence="the name says telephone number", weight=90)
        if column.is_numbers:
            return as_number(column, "a telephone number as a number", weight=90)
    if column.head == "extension" and column.table.is_about_people:
        if column.is_text:
            return Judgement("digits", certain=True, evidence="a telephone extension of a person", weight=80)
        if column.is_numbers:
            return as_number(column, "a telephone extension of a person", weight=80)
    return None
