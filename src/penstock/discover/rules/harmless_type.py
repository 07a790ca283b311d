"""What passes by its type unless another rule speaks: numbers, truth values, enum labels, times of events, keys."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.policy.defaults import passes


def judge(column: ColumnContext) -> Judgement | None:
    reason = passes(column.column, column.table.table)
    # A text whose CHECK lists its values is in nobody's own words, whatever its name.
    return (
        Judgement("keep", certain=True, evidence=reason, weight=65 if column.is_text else 15)
        if reason
        else None
    )
