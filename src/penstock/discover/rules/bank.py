"""Bank accounts and what identifies them."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_texts and column.ends_with("iban", "iban number"):
        return Judgement("iban", certain=True, evidence="the name says IBAN", weight=95)
    if column.ends_with("account number", "bank account", "routing number", "sort code", "bank number"):
        if column.is_texts:
            return Judgement("digits", certain=True, evidence="the number of a bank account", weight=88)
        if column.family is Family.INTEGER:
            return Judgement("integer", certain=True, evidence="the number of a bank account", weight=88)
    return None
