"""What a database holds, as frozen values. Made by an engine's `reflect`, read by everybody else.

Names are kept raw (never quoted); `TableName.sql` quotes. Nothing here holds a row value, except where the
schema's own text does (defaults, CHECKs, comments, partition bounds): such text is data to the leak check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from penstock.catalog.types import ColumnType


def quote_identifier(name: str) -> str:
    """`name` as a delimited SQL identifier, always quoted."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """`text` as an SQL string literal under standard_conforming_strings."""
    return "'" + text.replace("'", "''") + "'"


class TableName(NamedTuple):
    """A table's schema and name, raw. `str()` is for people and for `masks.toml`: `public.orders`."""

    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def sql(self) -> str:
        return f"{quote_identifier(self.schema)}.{quote_identifier(self.table)}"


ObjectAddress = tuple[int, int]
"""(oid of the catalog, oid in it): how pg_depend and the archives of pg_dump name an object."""

MANIFEST = TableName("penstock", "manifest")
"""Penstock's own table in a database it made; no part of what was copied."""
MANIFEST_COLUMNS = ("run_id", "created_at", "operation", "document")


class ColumnName(NamedTuple):
    """A column of a table. `str()` is `public.orders.note`."""

    table: TableName
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: ColumnType
    position: int  # attnum, from 1, with gaps where columns were dropped
    nullable: bool = True  # False also where the domain says NOT NULL
    default: str | None = None
    generated: str = ""  # "" | "stored" | "virtual"
    generation_expression: str | None = None
    identity: str = ""  # "" | "always" | "by default"
    collation: str | None = None  # quoted and qualified, only where it is not the type's default
    collation_deterministic: bool = True
    comment: str | None = None
    sequence: str | None = None  # "schema.sequence" a nextval() default or identity draws from

    @property
    def is_stored(self) -> bool:
        """Whether rows carry a value of their own: everything but generated columns."""
        return not self.generated


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """A primary key, UNIQUE constraint, unique index, or exclusion constraint (`operators` set)."""

    name: str
    columns: tuple[str, ...]  # plain columns, in order; those inside expressions are in `expression_columns`
    primary: bool = False
    constraint: bool = True  # False: a unique index only
    deferrable: bool = False
    initially_deferred: bool = False
    nulls_not_distinct: bool = False
    predicate: str | None = None  # of a partial index
    predicate_columns: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()
    expression_columns: tuple[str, ...] = ()
    definition: str = ""
    exclusion: bool = False

    @property
    def is_plain(self) -> bool:
        """Whole-table and on plain columns: such a key identifies rows."""
        return not self.predicate and not self.expressions and not self.exclusion


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A declared foreign key. `columns[i]` references `referenced_columns[i]`, compared by `operators[i]`.

    `operators` are qualified (`OPERATOR(pg_catalog.=)`), written as *referenced OPERATOR referencing*
    (PostgreSQL's conpfeqop), so that citext compares as citext whatever the search_path.
    `inherited` is set on the copies PostgreSQL makes for partitions: on either side of a partitioned table only the
    declared constraint is an edge.
    """

    name: str
    table: TableName
    columns: tuple[str, ...]
    referenced_table: TableName
    referenced_columns: tuple[str, ...]
    operators: tuple[str, ...]
    match: str = "simple"  # "simple" | "full"
    on_delete: str = "no action"
    on_update: str = "no action"
    deferrable: bool = False
    initially_deferred: bool = False
    validated: bool = True
    enforced: bool = True  # PostgreSQL 18: NOT ENFORCED
    inherited: bool = False
    nullable: bool = False  # at least one of `columns` may be NULL


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    definition: str  # pg_get_constraintdef
    columns: tuple[str, ...]
    validated: bool = True
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    name: str
    columns: tuple[str, ...]  # leading plain columns, up to the first expression
    unique: bool
    definition: str
    partial: bool = False
    valid: bool = True
    method: str = "btree"


@dataclass(frozen=True, slots=True)
class Trigger:
    name: str
    function: str  # "schema.name"
    definition: str
    enabled: bool = True
    arguments: tuple[str, ...] = ()
    before_row_insert: bool = False


class Rule(NamedTuple):
    name: str  # but `_RETURN`, which makes a view
    oid: int
    definition: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table, partition root, partition, foreign table, view or materialised view."""

    name: TableName
    oid: int
    kind: str  # "table" | "partitioned" | "foreign" | "view" | "materialized view"
    columns: tuple[Column, ...]
    persistence: str = "permanent"  # "permanent" | "unlogged"
    is_partition: bool = False
    parents: tuple[TableName, ...] = ()  # partition root or inheritance parents, direct
    partition_key: tuple[str, ...] = ()  # columns, also those inside expressions
    partition_bound: str | None = None
    primary_key: UniqueKey | None = None
    unique_keys: tuple[UniqueKey, ...] = ()  # without the primary key
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    rules: tuple[Rule, ...] = ()
    row_security: bool = False
    row_security_forced: bool = False
    row_estimate: float | None = None  # planner's; None: never analysed
    total_bytes: int = 0  # with indexes and TOAST
    heap_bytes: int = 0  # main fork and TOAST, without indexes
    pages: int = 0
    comment: str | None = None
    extension: str | None = None
    definition: str | None = None  # of a view

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if c.is_stored)

    @property
    def all_keys(self) -> tuple[UniqueKey, ...]:
        return ((self.primary_key,) if self.primary_key else ()) + self.unique_keys

    @property
    def invalid_indexes(self) -> tuple[Index, ...]:
        """What a CREATE INDEX CONCURRENTLY that failed left: no query uses it, no dump has it. A partitioned table's only
        waits for its partitions' indexes."""
        return () if self.kind == "partitioned" else tuple(i for i in self.indexes if not i.valid)

    @property
    def holds_rows(self) -> bool:
        """Whether the table has storage of its own (a partition root has none)."""
        return self.kind == "table"


@dataclass(frozen=True, slots=True)
class Sequence:
    name: TableName
    data_type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cycle: bool
    owned_by: ColumnName | None = None
    identity: bool = False


@dataclass(frozen=True, slots=True)
class Locale:
    """How a database sorts and tells letters apart, where a column does not say."""

    provider: str  # "libc" | "icu" (PostgreSQL 15) | "builtin" (17)
    collation: str  # of the C library, which other providers have beside their own
    ctype: str
    name: str | None = None  # the other providers' locale
    rules: str | None = None  # of ICU, beyond those of its locale


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What is true of the server and the database as a whole."""

    name: str
    server_version: int  # server_version_num, for example 150018
    encoding: str
    locale: Locale
    system_identifier: str
    database_oid: int
    in_recovery: bool
    size_bytes: int
    settings: Mapping[str, str] = field(default_factory=dict)  # ALTER DATABASE … SET, name → value


@dataclass(frozen=True)
class Catalog:
    """A database's schema at one moment. Tables are in the order of their names."""

    facts: DatabaseFacts
    tables: Mapping[TableName, Table]
    sequences: tuple[Sequence, ...] = ()
    extensions: Mapping[str, str] = field(default_factory=dict)  # name → version
    extension_schemas: Mapping[str, str] = field(default_factory=dict)  # name → schema
    enums: Mapping[TableName, tuple[str, ...]] = field(default_factory=dict)
    domains: Mapping[TableName, ColumnType] = field(default_factory=dict)
    composites: Mapping[TableName, ColumnType] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables.values())

    @cached_property
    def by_oid(self) -> Mapping[int, Table]:
        return {table.oid: table for table in self}

    def root_of(self, name: TableName) -> TableName:
        """The partition root a partition belongs to; the table itself where it is no partition."""
        table = self.tables[name]
        while table.is_partition:
            table = self.tables[table.parents[0]]
        return table.name

    @cached_property
    def leaves(self) -> Mapping[TableName, tuple[TableName, ...]]:
        """For every table that is not itself a partition: the tables that store its rows, itself included where
        it does. Inheritance children are tables of their own: they are read and written with ONLY."""
        found: dict[TableName, list[TableName]] = {
            t.name: []
            for t in self
            if t.kind in ("table", "partitioned") and not t.is_partition and t.extension is None
        }
        for table in self:
            if table.holds_rows and self.root_of(table.name) in found:
                found[self.root_of(table.name)].append(table.name)
        return {name: tuple(leaves) for name, leaves in found.items()}

    @cached_property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """All declared edges, without the copies PostgreSQL keeps for partitions."""
        return tuple(fk for table in self for fk in table.foreign_keys if not fk.inherited)
