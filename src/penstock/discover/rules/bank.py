"""Bank accounts and what identifies them."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_number
from penstock.discover.proposal import Judgement

ENDINGS = ("account number", "bank account", "routing number", "sort code", "bank number")


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_texts and column.ends_with("iban", "iban number"):
        return Judgement("iban", certain=True, evidence="the name says IBAN", weight=95)
    if column.ends_with(*ENDINGS):
        if column.is_texts:
            return Judgement("digits", certain=True, evidence="the number of a bank account", weight=88)
        if column.is_numbers:
            return as_number(column, "the number of a bank account", weight=88)
    return None
