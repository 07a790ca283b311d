"""Telephone, fax and extension numbers."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement

_ENDINGS = ("phone", "phone number", "mobile", "mobile number", "fax number", "contact number", "whatsapp")


def judge(column: ColumnContext) -> Judgement | None:
    if column.ends_with(*_ENDINGS):
        if column.is_texts:
            return Judgement("phone", certain=True, evidence="the name says telephone number", weight=90)
        if column.family is Family.INTEGER:
            return Judgement("integer", certain=True, evidence="a telephone number as a number", weight=90)
    if column.is_text and column.head == "extension" and column.table.is_about_people:
        return Judgement("digits", certain=True, evidence="a telephone extension of a person", weight=80)
    return None
