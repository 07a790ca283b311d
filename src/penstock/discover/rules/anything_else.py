"""Text, arrays and composites that no other rule knows: an open question."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.policy.defaults import mask_by_type


def judge(column: ColumnContext) -> Judgement | None:
    spec = dict(mask_by_type(column.column.type, nullable=column.column.nullable) or {"mask": "keep"})
    mask = str(spec.pop("mask"))
    table = column.table.table
    is_key = any(column.name.column in key.columns for key in table.all_keys)
    evidence = "a key that people may have made up" if is_key and column.is_text else "the name says nothing"
    return Judgement(mask, certain=False, evidence=evidence, weight=1, options=spec)
