"""Postal codes."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_number
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.ends_with("postal code", "postal", "postal code code"):
        if column.is_texts:
            return Judgement("postal_code", certain=True, evidence="the name says postal code", weight=90)
        if column.is_numbers:
            return as_number(column, "a postal code as a number", weight=90, certain=False)
    return None
