"""What comes after the rows, one statement at a time, so that workers can share it: indexes, keys, foreign keys, statistics.

The statements are the source's own (`pg_get_indexdef`, `pg_get_constraintdef`, in its snapshot); nothing is parsed. Only
what the schema archive would restore is built here; of that, the archive then restores the comments alone. What hangs on
partitioned tables is left to the archive: it finds the partitions' indexes built, and attaches them.

Unique keys become an index first, which several workers can build on one table, and are attached to it afterwards.
Foreign keys are added without a look at the rows and validated when all are there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.catalog.model import ObjectAddress, TableName, quote_identifier
from penstock.devdb.clone.station import Station
from penstock.engines.postgres.session import Session
from penstock.runs.items import Item, Report

_TOGETHER_BYTES = 4 << 20  # of a table's indexes, built in a tenth of a second


@dataclass(frozen=True, slots=True)
class Index:
    """An index of one stored table, with what is said of it afterwards."""

    identity: ObjectAddress  # of the constraint, where it is one
    table: TableName
    build: str
    then: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key of one stored table."""

    identity: ObjectAddress
    table: TableName
    name: str
    add: str  # without validating
    size: int


def indexes(source: Session, known: frozenset[ObjectAddress]) -> list[Index]:
    """The indexes and unique keys of stored tables, of those the archive knows."""
    return [
        Index(
            identity,
            TableName(row["schema"], row["table"]),
            row["build"],
            tuple(_said_of_index(row)),
            row["size"],
        )
        for row in source.fetch(_INDEXES_SQL)
        if (identity := (row["class"], row["oid"])) in known
    ]


def _said_of_index(row: Mapping[str, Any]) -> Iterator[str]:
    table, name = TableName(row["schema"], row["table"]).sql, quote_identifier(row["index"])
    if row["kind"]:
        yield f"ALTER TABLE ONLY {table} ADD CONSTRAINT {name} {row['kind']} USING INDEX {name}{row['deferred']}"
    if row["clustered"]:
        yield f"ALTER TABLE {table} CLUSTER ON {name}"
    if row["identity"]:
        yield f"ALTER TABLE ONLY {table} REPLICA IDENTITY USING INDEX {name}"
    for column, target in row["targets"]:
        index = TableName(row["schema"], row["index"]).sql
        yield f"ALTER INDEX {index} ALTER COLUMN {column} SET STATISTICS {target}"


def references(source: Session, known: frozenset[ObjectAddress]) -> list[Reference]:
    """The foreign keys between stored tables that hold for all rows, of those the archive knows. One to a partitioned table
    has a part per partition, which VALIDATE leaves as it is."""
    return [
        Reference(
            identity,
            table := TableName(row["schema"], row["table"]),
            row["name"],
            f"ALTER TABLE ONLY {table.sql} ADD CONSTRAINT {quote_identifier(row['name'])} {row['definition']} NOT VALID",
            row["size"],
        )
        for row in source.fetch(_REFERENCES_SQL)
        if (identity := (row["class"], row["oid"])) in known
    ]


@dataclass(frozen=True, slots=True)
class Statements:
    """One item: statements on the target, one transaction."""

    statements: tuple[str, ...]
    doing: str


def run_statements(station: Station, what: Statements, _: Report) -> None:
    with station.target.transaction():
        # Nobody but the other workers can be in the way, and they end. One message: a small table's are over before an answer.
        station.target.execute(";\n".join(("SET LOCAL lock_timeout = 0", *what.statements)), doing=what.doing)


def index_items(
    found: Iterable[Index], after: Mapping[TableName, Iterable[str]]
) -> Iterator[tuple[TableName, Item]]:
    """Each table's indexes when its rows are there (`after`: the items that fill it), and, when all of them are, what is
    said of them. Small ones are one item: to hand out each would take longer than to build it."""
    of_table: dict[TableName, list[Index]] = defaultdict(list)
    for index in found:
        of_table[index.table].append(index)
    for table, built in of_table.items():
        waits = tuple(after.get(table, ()))
        then = tuple(statement for index in built for statement in index.then)
        whole = sum(index.size for index in built)
        if whole <= _TOGETHER_BYTES:
            what = Statements((*(index.build for index in built), *then), f"building the indexes of {table}")
            yield table, Item(f"indexes of {table.sql}", run_statements, what, whole, waits)
            continue
        names = []
        for number, index in enumerate(built, 1):
            names.append(f"index {number} of {table.sql}")
            what = Statements((index.build,), f"building an index of {table}")
            yield table, Item(names[-1], run_statements, what, index.size, waits)
        if then:
            what = Statements(then, f"adding the keys of {table}")
            yield table, Item(f"keys of {table.sql}", run_statements, what, 0, tuple(names))


def validation_items(added: Iterable[Reference]) -> Iterator[Item]:
    """One item per foreign key, or per small table; of one table's, one runs at a time, as the server has it."""
    together: dict[TableName, list[Reference]] = defaultdict(list)
    for reference in added:
        if reference.size <= _TOGETHER_BYTES:
            together[reference.table].append(reference)
        else:
            name = f"foreign key {quote_identifier(reference.name)} of {reference.table.sql}"
            yield _validation(name, reference.table, [reference])
    for table, references in together.items():
        yield _validation(f"foreign keys of {table.sql}", table, references)


def _validation(name: str, table: TableName, references: list[Reference]) -> Item:
    what = Statements(
        tuple(
            f"ALTER TABLE {table.sql} VALIDATE CONSTRAINT {quote_identifier(reference.name)}"
            for reference in references
        ),
        f"validating the foreign keys of {table}",
    )
    return Item(name, run_statements, what, max(r.size for r in references), alone=table.sql)


def analyze_items(
    tables: Mapping[TableName, int], after: Mapping[TableName, Iterable[str]]
) -> Iterator[Item]:
    """Statistics of each table, with its size in bytes."""
    for table, size in tables.items():
        what = Statements((f"ANALYZE {table.sql}",), f"gathering statistics of {table}")
        waits = tuple(after.get(table, ()))
        yield Item(f"statistics of {table.sql}", run_statements, what, size // 10, waits, table.sql)


def vacuum_items(tables: Mapping[TableName, int], *, full: bool) -> Iterator[Item]:
    for table, size in tables.items():
        yield Item(f"vacuum of {table.sql}", vacuum, (table, full), size)


def vacuum(station: Station, what: tuple[TableName, bool], _: Report) -> None:
    table, full = what
    station.target.execute(
        f"VACUUM ({'FULL, ' if full else ''}ANALYZE) {table.sql}", doing=f"vacuuming {table}"
    )


_INDEXES_SQL = """
SELECT n.nspname::text AS schema, t.relname::text AS "table", c.relname::text AS index,
       CASE WHEN k.oid IS NULL THEN 'pg_catalog.pg_class'::regclass::oid::int8
            ELSE 'pg_catalog.pg_constraint'::regclass::oid::int8 END AS class,
       coalesce(k.oid, c.oid)::int8 AS oid,
       CASE WHEN k.contype = 'x' OR to_jsonb(k) ->> 'conperiod' = 'true'
            THEN format('ALTER TABLE ONLY %I.%I ADD CONSTRAINT %I %s', n.nspname, t.relname, k.conname,
                        pg_get_constraintdef(k.oid))
            ELSE pg_get_indexdef(c.oid) END AS build,
       CASE WHEN k.contype = 'x' OR to_jsonb(k) ->> 'conperiod' = 'true' THEN NULL
            WHEN k.contype = 'p' THEN 'PRIMARY KEY' WHEN k.contype = 'u' THEN 'UNIQUE' END AS kind,
       CASE WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END ||
       CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END AS deferred,
       i.indisclustered AS clustered, i.indisreplident AS identity,
       ARRAY(SELECT ARRAY[a.attnum, a.attstattarget]::int[] FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attstattarget >= 0 ORDER BY a.attnum) AS targets,
       pg_catalog.pg_relation_size(c.oid) AS size
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid AND t.relkind = 'r'
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = c.oid AND k.conrelid = t.oid AND k.contype IN ('p', 'u', 'x')
 WHERE i.indisvalid AND i.indislive AND i.indisready
 ORDER BY 1, 2, 3
"""

_REFERENCES_SQL = """
SELECT n.nspname::text AS schema, t.relname::text AS "table", k.conname::text AS name,
       'pg_catalog.pg_constraint'::regclass::oid::int8 AS class, k.oid::int8 AS oid,
       pg_get_constraintdef(k.oid) AS definition, pg_catalog.pg_relation_size(t.oid) AS size
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class t ON t.oid = k.conrelid AND t.relkind = 'r'
  JOIN pg_catalog.pg_class other ON other.oid = k.confrelid AND other.relkind = 'r'
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
 WHERE k.contype = 'f' AND k.convalidated AND k.conparentid = 0 AND coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true'
 ORDER BY 1, 2, 3
"""
