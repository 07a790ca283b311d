"""Column types as a database declares them, and the logical family a mask cares about.

Values travel as text in PostgreSQL's canonical spelling, tagged with a `ColumnType`. A mask never asks for the
name of a type: it asks for its `family`, which sees through domains.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """What a value is, as far as masking is concerned. Everything we never heard of is OTHER."""

    TEXT = "text"  # text, varchar, char(n), citext, name
    INTEGER = "integer"  # int2, int4, int8, oid
    NUMERIC = "numeric"  # numeric, money, float4, float8
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"  # with and without time zone
    TIME = "time"
    INTERVAL = "interval"
    UUID = "uuid"
    JSON = "json"  # json, jsonb
    XML = "xml"
    NETWORK = "network"  # inet, cidr
    MAC = "mac"  # macaddr, macaddr8
    BINARY = "binary"  # bytea, bit, varbit
    SEARCH = "search"  # tsvector
    ENUM = "enum"
    GEOMETRY = "geometry"  # built-in geometric types, PostGIS
    RANGE = "range"  # ranges and multiranges
    ARRAY = "array"
    COMPOSITE = "composite"
    OTHER = "other"  # hstore, ltree, vector, pg_lsn, xid … whatever we do not know


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A declared type. `name` is what `format_type` prints, for example `character varying(20)[]`.

    For a domain, `base` is the type it stands on and `family`, `length`, `precision`, `scale`, `labels`, `element`
    and `fields` are those of the innermost base.
    """

    name: str
    family: Family
    schema: str = "pg_catalog"  # schema and typname of the type itself (of the domain, for a domain)
    typname: str = ""
    length: int | None = None  # characters, for varchar(n) and char(n); bits for bit(n)
    precision: int | None = None
    scale: int | None = None
    labels: tuple[str, ...] = ()  # of an enum
    element: ColumnType | None = None  # of an array
    fields: tuple[tuple[str, ColumnType], ...] = ()  # of a composite type
    base: ColumnType | None = None  # of a domain
    domain_checks: tuple[str, ...] = ()  # pg_get_constraintdef of a domain's CHECKs, all levels
    domain_not_null: bool = False
    extension: str | None = None  # the extension the type belongs to, such as citext

    @property
    def is_padded(self) -> bool:
        """`char(n)`: trailing blanks do not count when values are compared."""
        return self.innermost.typname == "bpchar"

    @property
    def innermost(self) -> ColumnType:
        """The type under all domains."""
        return self.base.innermost if self.base is not None else self
