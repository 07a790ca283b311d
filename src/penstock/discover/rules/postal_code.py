"""Postal codes."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.ends_with("postal code", "postal", "postal code code"):
        if column.is_texts:
            return Judgement("postal_code", certain=True, evidence="the name says postal code", weight=90)
        if column.family is Family.INTEGER:
            return Judgement("integer", certain=False, evidence="a postal code as a number", weight=90)
    return None
