"""What happens to a column without a decision.

Text, JSON, XML, binary, arrays and composites of these, network addresses, geometry, dates and every type we do not
know refuse: a column that nobody classified does not leave. Numbers, booleans, enums, event timestamps and surrogate
keys pass, unless discovery flags them. With `unclassified = "mask"` what refuses is masked by its type, by
the table that parts of values are masked by (`masks.build.BY_FAMILY`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from penstock.catalog.model import Column, Table
from penstock.catalog.types import ColumnType, Family
from penstock.masks.build import BY_FAMILY

Spec = Mapping[str, Any]  # {"mask": name, **options}, as in masks.toml

_PASSES: Mapping[Family, str] = {
    Family.INTEGER: "a whole number",
    Family.NUMERIC: "a number",
    Family.BOOLEAN: "a truth value",
    Family.ENUM: "an enum label",
    Family.TIMESTAMP: "the time of an event",
    Family.TIME: "a time of day",
    Family.INTERVAL: "a duration",
    Family.UUID: "a surrogate key",
}

_IN_LIST = re.compile(r"^CHECK \(.*= ANY \(+ARRAY\[(?:[^\[\]]*)\]", re.DOTALL)


def passes(column: Column, table: Table) -> str:
    """Why the column may leave without a decision; "" where it may not."""
    if table.extension:
        return f"belongs to the extension {table.extension}"
    if reason := type_passes(column.type):
        return reason
    if column.type.family is Family.TEXT and (check := listing_check(column, table)):
        return f"the constraint {check} lists its values"
    return ""


def type_passes(declared: ColumnType) -> str:
    """Why values of that type may leave without a decision; "" where they may not."""
    if declared.family is Family.ARRAY and declared.element is not None:
        inner = type_passes(declared.element)
        return f"an array; each element is {inner}" if inner else ""
    if declared.family is Family.COMPOSITE:
        if declared.fields and all(type_passes(part) for _, part in declared.fields):
            return "a composite of numbers and the like"
        return ""
    if declared.family is Family.RANGE:
        return "" if "date" in declared.innermost.typname else "a range of numbers or times"
    return _PASSES.get(declared.family, "")


def listing_check(column: Column, table: Table) -> str:
    """The name of a CHECK (the column's or its domain's) that lists the values the column may have.

    Such a column is an enum in all but name, and its values stand in the schema anyway.
    """
    for check in table.checks:
        if check.columns == (column.name,) and check.validated and _lists(check.definition):
            return check.name
    for definition in column.type.domain_checks:
        if _lists(definition):
            return f"of the domain {column.type.name}"
    return ""


def _lists(definition: str) -> bool:
    return bool(_IN_LIST.match(definition)) and " OR " not in definition and "NOT " not in definition


def mask_by_type(declared: ColumnType, *, nullable: bool) -> Spec | None:
    """What `unclassified = "mask"` does to a value of that type; None where nothing safe is known to fit."""
    if declared.family in BY_FAMILY:
        return {"mask": BY_FAMILY[declared.family]}
    return emptied(declared, nullable=nullable)


def emptied(declared: ColumnType, *, nullable: bool) -> Spec | None:
    """NULL, or an empty value of the type where NULL is not allowed; None where we know no empty value."""
    if nullable:
        return {"mask": "null"}
    value = harmless_constant(declared)
    return None if value is None else {"mask": "constant", "value": value}


def harmless_constant(declared: ColumnType) -> str | None:
    """An empty value of the type in PostgreSQL's spelling, for NOT NULL columns; None where we know none."""
    inner = declared.innermost
    match declared.family:
        case Family.BINARY:
            if inner.typname == "bytea":
                return "\\x"
            return "0" * (declared.length or 1) if inner.typname == "bit" else ""
        case Family.ARRAY | Family.JSON:
            return "{}"
        case Family.XML | Family.SEARCH | Family.TEXT:
            return ""
        case Family.RANGE:
            return "{}" if inner.typname.endswith("multirange") else "empty"
        case Family.NUMERIC | Family.INTEGER:
            return "0"
        case Family.BOOLEAN:
            return "f"
        case Family.GEOMETRY:
            return _EMPTY_SHAPES.get(inner.typname)
        case Family.OTHER:
            return "" if inner.typname in ("hstore", "ltree") else None
        case _:
            return None


_EMPTY_SHAPES: Mapping[str, str] = {
    "point": "(0,0)",
    "line": "{1,0,0}",
    "lseg": "[(0,0),(0,0)]",
    "box": "(0,0),(0,0)",
    "path": "((0,0))",
    "polygon": "((0,0))",
    "circle": "<(0,0),0>",
    "geometry": "GEOMETRYCOLLECTION EMPTY",
    "geography": "GEOMETRYCOLLECTION EMPTY",
}
