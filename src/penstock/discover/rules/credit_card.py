"""Payment cards."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_number
from penstock.discover.proposal import Judgement

_WHOLE = ("credit card", "card number", "credit card number", "debit card")
_CHECKS = ("cvv", "cvc")
ENDINGS = (*_WHOLE, *_CHECKS)


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_texts and column.ends_with(*_WHOLE):
        return Judgement("credit_card", certain=True, evidence="the name says card number", weight=93)
    last_digits = column.name.column.lower().endswith(("last4", "last_4", "last_four"))
    if column.is_texts and (last_digits or column.ends_with(*_CHECKS)):
        return Judgement("digits", certain=True, evidence="digits of a payment card", weight=90)
    if column.is_numbers and (last_digits or column.ends_with(*ENDINGS)):
        return as_number(column, "the name says card number", weight=93)
    return None
