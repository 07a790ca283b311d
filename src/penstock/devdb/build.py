"""Fill an empty database: schema before the data, rows through the pump, constraints after the data.

Constraints come last because that is five times as fast (COPY into live constraints: 34-44 k rows/s, constraints
afterwards and validated: 222-275 k rows/s), and because cycles of NOT NULL foreign keys then need no special case.
Triggers come last too, so that rows fire none of them, but for those that refill a search column.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock.catalog.model import Catalog, TableName
from penstock.devdb.closure.rowset import RowSet, blocks_of, offsets_of
from penstock.devdb.disarm import LeftOut, reaching_views
from penstock.devdb.progress import Progress
from penstock.devdb.schema import dump_schema, left_out_tables
from penstock.devdb.sequences import set_sequences
from penstock.devdb.subset import Subset
from penstock.engines.postgres.clients import find_client_tools
from penstock.engines.postgres.session import Session
from penstock.errors import SourceRefused
from penstock.pump.move import Totals, move
from penstock.pump.readplan import ReadPlan, read_plan

_BY_ADDRESS_SHARE = (
    0.03  # below this share of a table's rows, addresses are sent; above, the table is scanned
)
_ADDRESSES_PER_QUERY = 10_000


@dataclass(frozen=True, slots=True)
class Built:
    """What was written."""

    rows: Mapping[TableName, int]
    bytes: int
    left_out: tuple[LeftOut, ...]


def build(subset: Subset, source: Session, target: Session, progress: Progress) -> Built:
    """Fill the database of `target` (empty, ours). The source session is in its exported snapshot."""
    unavailable = _unavailable_extensions(subset, target)
    target_major = int(target.fetchval("SELECT current_setting('server_version_num')::int")) // 10000
    tools = find_client_tools(
        subset.catalog.facts.server_version // 10000,
        target_major,
        tls=source.is_encrypted or target.is_encrypted,
    )
    refill = _refill_triggers(subset, source)
    gone = left_out_tables(source, subset.catalog, subset.skip)
    with tempfile.TemporaryFile() as file:
        progress.start("schema")
        archive, without = dump_schema(
            source,
            tools,
            file,
            skip=gone,
            unavailable=unavailable,
        )
        if not any(t.name.schema == "public" for t in subset.catalog) and not _has_public(source):
            target.execute("DROP SCHEMA IF EXISTS public", doing="preparing the schema")
        archive.restore(target.settings, target.database, "pre-data", without=without, grants=subset.grants)
        if refill:
            archive.restore(target.settings, target.database, "post-data", without=without, only=refill)
        progress.finish("schema")
        rows, size = copy_rows(subset, source, target, progress)
        set_sequences(subset.catalog, source, target)
        progress.start("keys, indexes, constraints")
        archive.restore(
            target.settings, target.database, "post-data", without=without | refill, grants=subset.grants
        )
        progress.finish("keys, indexes, constraints")
        reaching = reaching_views(source)
        _settle(target, frozenset(reaching), progress)
        empty = (
            LeftOut(f"rows of the materialised view {name}", f"its query uses {what}")
            for name, what in reaching.items()
            if name not in gone
        )
        return Built(rows, size, (*archive.left_out, *empty))


def copy_rows(
    subset: Subset, source: Session, target: Session, progress: Progress
) -> tuple[dict[TableName, int], int]:
    """Copy every table's rows of the closure; returns rows per table and bytes in all."""
    counts: dict[TableName, int] = {}
    size = 0
    for name, rows in sorted(subset.closure.rows.items()):
        if rows.count == 0:
            counts[name] = 0
            continue
        plan = plan_of(subset, name)
        task = str(name)
        progress.start(task, rows.count)
        total = Totals()
        for read in reads(subset.catalog, plan, rows, whole=name in subset.keep):
            moved = move(
                source,
                target,
                plan,
                read.queries,
                row_filter=read.row_filter,
                progress=lambda n, b, task=task: progress.advance(task, n, b),  # type: ignore[misc]
            )
            total = Totals(total.rows + moved.rows, total.bytes + moved.bytes)
        progress.finish(task)
        counts[name] = total.rows
        size += total.bytes
    return counts, size


def plan_of(subset: Subset, name: TableName) -> ReadPlan:
    """The read plan of one logical table under its decisions. Columns that are kept are in the tail."""
    decisions = subset.policy.of(name)
    masks = {
        column: decision.mask
        for column, decision in decisions.items()
        if decision.mask is not None and not decision.keeps
    }
    refilled = {column for column, decision in decisions.items() if decision.rebuild_trigger}
    return read_plan(
        subset.catalog,
        subset.catalog.tables[name],
        masks,
        nulled=subset.nulled.get(name, frozenset()),
        left_out=refilled,
    )


@dataclass(frozen=True, slots=True)
class Read:
    """Queries over one leaf, and the filter on our side where the whole leaf is scanned."""

    queries: tuple[str, ...] | Iterable[str]
    row_filter: _Filter | None = None


class _Filter:
    """Keeps the rows of one leaf that belong to a row set."""

    def __init__(self, rows: RowSet, leaf: int) -> None:
        self._rows = rows
        self._leaf = np.uint64(leaf) << np.uint64(48)

    def __call__(self, addresses: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        return self._rows.contains(addresses | self._leaf)


def reads(catalog: Catalog, plan: ReadPlan, rows: RowSet, *, whole: bool) -> Iterator[Read]:
    """How the wanted rows of each leaf are read: all, by address, or by a scan filtered here."""
    wanted_of = rows.leaf_counts
    for index, leaf in enumerate(catalog.leaves[plan.table]):
        wanted = wanted_of.get(index, 0)
        if wanted == 0:
            continue
        if whole:
            yield Read((plan.select(leaf),))
        elif wanted < _BY_ADDRESS_SHARE * (catalog.tables[leaf].row_estimate or 0):
            yield Read(_by_address(plan, leaf, rows, index))
        else:
            yield Read((plan.select(leaf, with_ctid=True),), _Filter(rows, index))


def _by_address(plan: ReadPlan, leaf: TableName, rows: RowSet, index: int) -> Iterator[str]:
    for ids in rows.blocks(_ADDRESSES_PER_QUERY, leaf=index):
        pairs = zip(blocks_of(ids).tolist(), offsets_of(ids).tolist(), strict=True)
        listed = ",".join(f'"({block},{offset})"' for block, offset in pairs)
        yield plan.select(leaf, f"t.ctid = ANY('{{{listed}}}'::pg_catalog.tid[])")


def _has_public(source: Session) -> bool:
    return source.fetchval("SELECT pg_catalog.to_regnamespace('public')") is not None


def _unavailable_extensions(subset: Subset, target: Session) -> tuple[str, ...]:
    available = {row["name"] for row in target.fetch("SELECT name FROM pg_catalog.pg_available_extensions")}
    missing = tuple(sorted(set(subset.catalog.extensions) - available))
    for table in subset.catalog:
        for column in table.columns:
            if table.name not in subset.skip and column.type.innermost.extension in missing:
                raise SourceRefused(
                    f"{table.name}.{column.name} has a type of the extension {column.type.innermost.extension}",
                    why="the target's server does not offer that extension",
                    hint="install it there, or put the table in `skip`",
                )
    return missing


def _refill_triggers(subset: Subset, source: Session) -> frozenset[tuple[int, int]]:
    """The identities of the triggers that must fire during the load, because they refill a column."""
    wanted = [
        (subset.catalog.tables[name.table].oid, decision.rebuild_trigger)
        for name, decision in subset.policy.decisions.items()
        if decision.rebuild_trigger
    ]
    return frozenset(
        (row["c"], row["oid"])
        for oid, trigger in wanted
        for row in source.fetch(
            "SELECT 'pg_catalog.pg_trigger'::regclass::oid::int8 AS c, oid::int8 AS oid "
            "FROM pg_catalog.pg_trigger WHERE tgrelid = $1::int8::oid AND tgname = $2",
            oid,
            trigger,
        )
    )


def _settle(target: Session, reaching: frozenset[TableName], progress: Progress) -> None:
    progress.start("statistics")
    fill_views(target, reaching)
    analyze(target)
    progress.finish("statistics")


def fill_views(target: Session, left_out: AbstractSet[TableName]) -> None:
    """Fill materialised views in the order they depend on each other."""
    for row in target.fetch(_MATERIALIZED_SQL):
        name = TableName(row["schema"], row["name"])
        if name not in left_out:
            target.execute(
                f"REFRESH MATERIALIZED VIEW {name.sql}", doing=f"filling the materialised view {name}"
            )


def analyze(target: Session) -> None:
    """Gather statistics, but of no table that foreign ones inherit from: that would ask the other server, the one that
    production asks."""
    tables = target.fetchval(_ANALYZED_SQL)
    if tables is not None:
        target.execute(f"ANALYZE {tables}", doing="gathering statistics")


# No names where no foreign table inherits: ANALYZE then takes everything.
_ANALYZED_SQL = """
WITH RECURSIVE above AS (
    SELECT i.inhparent AS oid FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = i.inhrelid
  UNION
    SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN above ON above.oid = i.inhrelid
)
SELECT CASE WHEN EXISTS (SELECT FROM above) THEN string_agg(c.oid::regclass::text, ', ') ELSE '' END AS tables
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND c.oid NOT IN (SELECT oid FROM above)
   AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""

_MATERIALIZED_SQL = """
WITH RECURSIVE depends AS (
    SELECT DISTINCT r.ev_class AS view, d.refobjid AS on_view
      FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
     WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.refobjid <> r.ev_class
), depth AS (
    SELECT oid AS view, 0 AS level FROM pg_catalog.pg_class WHERE relkind IN ('v', 'm')
  UNION
    SELECT d.view, depth.level + 1 FROM depth JOIN depends d ON d.on_view = depth.view
)
SELECT n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN depth ON depth.view = c.oid
 WHERE c.relkind = 'm'
 GROUP BY n.nspname, c.relname ORDER BY max(depth.level), 1
"""
