"""What to do with a value that speaks of a person and is no text: numbers, arrays and ranges of them."""

from __future__ import annotations

from penstock.catalog.types import ColumnType, Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.policy.defaults import emptied

_DIGITS_OF_INT64 = 18  # the mask `integer` counts in 64 bits


def as_number(column: ColumnContext, evidence: str, *, weight: int, certain: bool = True) -> Judgement:
    """Another number in place of a number that points at a person, also in an array.

    Where `integer` cannot stand (a `numeric` without a scale may hold fractions) the value is emptied. A declared fraction,
    a float and a range make the name doubtful: a `phone money` may be what it cost.
    """
    value = column.value
    if _is_whole(value):
        return Judgement("integer", certain=certain, evidence=evidence, weight=weight)
    may_be_whole = value.innermost.typname == "numeric" and not value.scale
    return as_nothing(column, evidence, weight=weight, certain=certain and may_be_whole)


def as_nothing(column: ColumnContext, evidence: str, *, weight: int, certain: bool = False) -> Judgement:
    """NULL, or an empty value where the column is NOT NULL."""
    spec = dict(emptied(column.column.type, nullable=column.column.nullable) or {"mask": "null"})
    return Judgement(str(spec.pop("mask")), certain=certain, evidence=evidence, weight=weight, options=spec)


def _is_whole(value: ColumnType) -> bool:
    if value.family is Family.NUMERIC:
        return value.scale == 0 and value.precision is not None and value.precision <= _DIGITS_OF_INT64
    return value.family is Family.INTEGER
