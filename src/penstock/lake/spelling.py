"""How a column of PostgreSQL stands in Parquet: typed where every value of the type has an exact place, else as text.

Exact comes first. A type whose values Parquet or its common readers cannot hold (`numeric` without a scale, decimals of
more than 38 digits, which DuckDB reads as floats, intervals, times with a zone, arrays, ranges …) stands as text in
PostgreSQL's own spelling, and the field says which type it was. Some typed columns may hold single values that have no
place: `Spelling.exotic` is the condition to ask the database, and a column that has one stands as text too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from penstock.catalog.types import ColumnType, Family

MOST_DIGITS = 38


class Kind(StrEnum):
    """The ways a value is written."""

    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    FLOAT = "float"
    DECIMAL = "decimal"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    UUID = "uuid"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Spelling:
    """One column in Parquet."""

    kind: Kind
    arrow: pa.DataType
    exotic: str = ""  # SQL over {column}: does this value have no place in the Arrow type?
    exotic_means: str = ""  # for people


TEXT = Spelling(Kind.TEXT, pa.string())


def spelling(declared: ColumnType) -> Spelling:
    """The spelling of a declared type. Domains are what they stand on."""
    inner = declared.innermost
    if inner.schema != "pg_catalog" or inner.family is Family.ARRAY:
        return TEXT
    if inner.typname == "numeric":
        return _decimal(declared.precision, declared.scale)
    return _BUILT_IN.get(inner.typname, TEXT)


def _decimal(precision: int | None, scale: int | None) -> Spelling:
    if precision is None or scale is None or not 0 <= scale <= precision <= MOST_DIGITS:
        return TEXT
    return Spelling(Kind.DECIMAL, pa.decimal128(precision, scale), "{column} = 'NaN'::numeric", "NaN")


_OUTSIDE = "infinity, or a year before 1 or after 9999"


def _calendar(kind: Kind, arrow: pa.DataType, name: str) -> Spelling:
    outside = (
        f"NOT isfinite({{column}}) OR {{column}} < {name} '0001-01-01' OR {{column}} >= {name} '10000-01-01'"
    )
    return Spelling(kind, arrow, outside, _OUTSIDE)


_BUILT_IN = {
    "bool": Spelling(Kind.BOOLEAN, pa.bool_()),
    "int2": Spelling(Kind.INTEGER, pa.int16()),
    "int4": Spelling(Kind.INTEGER, pa.int32()),
    "int8": Spelling(Kind.INTEGER, pa.int64()),
    "oid": Spelling(Kind.INTEGER, pa.int64()),
    "float4": Spelling(Kind.FLOAT, pa.float32()),
    "float8": Spelling(Kind.FLOAT, pa.float64()),
    "date": _calendar(Kind.DATE, pa.date32(), "date"),
    "time": Spelling(Kind.TIME, pa.time64("us"), "{column} = time '24:00'", "24:00:00"),
    "timestamp": _calendar(Kind.TIMESTAMP, pa.timestamp("us"), "timestamp"),
    "timestamptz": _calendar(Kind.TIMESTAMPTZ, pa.timestamp("us", "UTC"), "timestamptz"),
    "uuid": Spelling(Kind.UUID, pa.uuid()),
    "bytea": Spelling(Kind.BINARY, pa.binary()),
}


def field_of(
    name: str, declared: ColumnType, chosen: Spelling, *, nullable: bool, generated: bool
) -> pa.Field:
    """The Parquet field. Its metadata says what PostgreSQL calls the type and whether the text is PostgreSQL's spelling."""
    said = {"postgresql.type": declared.name}
    if declared.family is Family.JSON:
        said["logical"] = "json"
    if generated:
        said["postgresql.generated"] = "true"
    return pa.field(name, chosen.arrow, nullable=nullable, metadata=said)
