"""Text, arrays and composites that no other rule knows: an open question."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.policy.defaults import mask_by_type


def judge(column: ColumnContext) -> Judgement | None:
    spec = dict(mask_by_type(column.column.type, nullable=column.column.nullable) or {"mask": "keep"})
    mask = str(spec.pop("mask"))
    return Judgement(mask, certain=False, evidence="the name says nothing", weight=1, options=spec)
