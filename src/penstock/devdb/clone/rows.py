"""The rows of a clone, as items: each a range of pages of one stored table, read by one statement.

A table that is one item is loaded into a file of its own that nobody sees before it commits (TRUNCATE in the same
transaction), so its rows are written frozen and no later VACUUM rewrites them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from penstock.catalog.model import Catalog, Table, TableName
from penstock.catalog.types import ColumnType, Family
from penstock.devdb.clone.station import Station
from penstock.engines.postgres.session import Session
from penstock.pump.move import Totals, move, move_untouched
from penstock.pump.readplan import ReadPlan
from penstock.runs.items import Item, Report

_LEAST_BYTES = 64 << 20  # of a range: below that, another COPY costs more than it saves
_MOST_BYTES = 1 << 30
_RANGES_PER_WORKER = 4  # of the whole database, so that no worker is left with a large one at the end


@dataclass(frozen=True, slots=True)
class CopyRows:
    """One item: the rows of `leaf` from page `first` to before page `end` (None: to the end)."""

    plan: ReadPlan
    leaf: TableName
    into: TableName
    first: int = 0
    end: int | None = None
    alone: bool = False  # the only item of its table
    binary: bool = False

    @property
    def query(self) -> str:
        conditions = [f"t.ctid >= '({self.first},0)'::pg_catalog.tid"] if self.first else []
        if self.end is not None:
            conditions.append(f"t.ctid < '({self.end},0)'::pg_catalog.tid")
        return self.plan.select(self.leaf, " AND ".join(conditions))


@dataclass(frozen=True, slots=True)
class Versions:
    """What decides whether binary COPY means the same on both sides."""

    source: int
    target: int


def copy_items(
    catalog: Catalog, plans: Iterable[ReadPlan], workers: int, versions: Versions
) -> Iterator[tuple[TableName, Item]]:
    """The items that copy these tables whole, each with the stored table it fills."""
    plans = list(plans)
    total = sum(catalog.tables[leaf].heap_bytes for plan in plans for leaf in catalog.leaves[plan.table])
    portion = min(max(total // (workers * _RANGES_PER_WORKER), _LEAST_BYTES), _MOST_BYTES)
    for plan in plans:
        for leaf in catalog.leaves[plan.table]:
            for what, size in _ranges(catalog, plan, catalog.tables[leaf], portion, versions):
                name = leaf.sql if what.alone else f"{leaf.sql} from page {what.first}"
                yield what.into, Item(name, copy_rows, what, size)


def _ranges(
    catalog: Catalog, plan: ReadPlan, leaf: Table, portion: int, versions: Versions
) -> Iterator[tuple[CopyRows, int]]:
    into = _written_to(catalog, plan, leaf)
    binary = _is_binary(plan, catalog.tables[plan.table], versions)
    count = min(max(1, leaf.heap_bytes // portion), max(1, leaf.pages))
    edges = [leaf.pages * i // count for i in range(count)]
    for i, first in enumerate(edges):
        end = edges[i + 1] if i + 1 < count else None  # it may have grown: the last range has no end
        yield (
            CopyRows(plan, leaf.name, into, first, end, count == 1 and into == leaf.name, binary),
            leaf.heap_bytes // count,
        )


def _written_to(catalog: Catalog, plan: ReadPlan, leaf: Table) -> TableName:
    """The partition itself, or the root where the partition key does not stay as it is: the row may move."""
    untouched = {*plan.passed, *plan.tail} - plan.nulled
    at = leaf
    while at.is_partition:
        at = catalog.tables[at.parents[0]]
        if not untouched.issuperset(at.partition_key):
            return plan.table
    return leaf.name


def _is_binary(plan: ReadPlan, table: Table, versions: Versions) -> bool:
    """Whether every column is written as it is, in a binary form that means the same in both databases."""
    return (
        versions.source == versions.target
        and not plan.masked
        and not plan.nulled
        and not plan.context
        and bool(plan.tail)
        and all(_means_the_same(table.column(name).type) for name in plan.tail)
    )


# Binary arrays and composites name their types by oid, which differ between databases; so do the reg* types. Text is
# copied as fast.
_BINARY = frozenset({
    "bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "varchar", "bpchar", "bytea", "date", "time",
    "timetz", "timestamp", "timestamptz", "interval", "uuid", "json", "jsonb", "inet", "cidr", "macaddr", "oid",
})  # fmt: skip


def _means_the_same(declared: ColumnType) -> bool:
    kind = declared.innermost
    return kind.family is Family.ENUM or (kind.schema == "pg_catalog" and kind.typname in _BINARY)


def copy_rows(station: Station, what: CopyRows, report: Report) -> Totals:
    """Copy one range. Everything of it arrives, or nothing."""
    with station.target.transaction():
        if what.alone:
            station.target.execute(f"TRUNCATE ONLY {what.into.sql}", doing=f"preparing {what.into}")
        if what.binary:
            return move_untouched(
                station.source,
                station.target,
                what.plan,
                what.query,
                into=what.into,
                frozen=what.alone,
                progress=report,
            )
        return move(
            station.source, station.target, what.plan, [what.query], into=what.into, frozen=what.alone, progress=report
        )  # fmt: skip


def versions_of(source: Session, target: Session) -> Versions:
    one, other = (session.connection.get_server_version().major for session in (source, target))
    return Versions(one, other)
