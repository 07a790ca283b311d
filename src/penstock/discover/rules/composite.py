"""Composite types, field by field: what a column of that name and type would be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.value.family is not Family.COMPOSITE:
        return None
    from penstock.discover.propose import (
        judge as judge_column,
    )  # the rules are found by their files, this one too

    fields: dict[str, Any] = {}
    certain = True
    for name, declared in column.value.fields:
        part = replace(column.column, name=name, type=declared, nullable=True)
        _, judgement = judge_column(replace(column, name=column.name._replace(column=name), column=part))
        certain = certain and judgement.certain
        fields[name] = {"mask": judgement.mask, **judgement.options} if judgement.options else judgement.mask
    if not fields:
        return None
    if certain and set(fields.values()) == {"keep"}:
        return Judgement("keep", certain=True, evidence="field by field, nobody's data", weight=45)
    return Judgement(
        "composite", certain=certain, evidence="field by field", weight=45, options={"fields": fields}
    )
