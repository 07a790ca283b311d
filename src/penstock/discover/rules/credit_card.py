"""Payment cards."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_texts and column.ends_with("credit card", "card number", "credit card number", "debit card"):
        return Judgement("credit_card", certain=True, evidence="the name says card number", weight=93)
    last_digits = column.name.column.lower().endswith(("last4", "last_4", "last_four"))
    if column.is_texts and (last_digits or column.ends_with("cvv", "cvc")):
        return Judgement("digits", certain=True, evidence="digits of a payment card", weight=90)
    if column.family is Family.INTEGER and column.ends_with("card number", "cvv", "cvc"):
        return Judgement("integer", certain=True, evidence="the name says card number", weight=93)
    return None
