"""Fill an empty database: schema before the data, rows through the pump, constraints after the data.

Constraints come last because that is five times as fast (COPY into live constraints: 34-44 k rows/s, constraints
afterwards and validated: 222-275 k rows/s), and because cycles of NOT NULL foreign keys then need no special case.
Triggers come last too, so that rows fire none of them, but for those that refill a search column.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from penstock.catalog.model import Catalog, ColumnName, Sequence, TableName, quote_identifier
from penstock.catalog.types import Family
from penstock.devdb.closure import Closure
from penstock.devdb.closure.rowset import RowSet, blocks_of, offsets_of
from penstock.devdb.progress import Progress
from penstock.devdb.schema import LeftOut, dump_schema, with_leaves
from penstock.engines.postgres.clients import find_client_tools
from penstock.engines.postgres.session import Session
from penstock.errors import SourceRefused
from penstock.policy.decision import Policy
from penstock.pump.move import Totals, move
from penstock.pump.readplan import ReadPlan, read_plan

_BY_ADDRESS_SHARE = (
    0.03  # below this share of a table's rows, addresses are sent; above, the table is scanned
)
_ADDRESSES_PER_QUERY = 10_000


@dataclass(frozen=True, slots=True)
class Job:
    """What to build: decided, planned, and inside one snapshot of the source."""

    catalog: Catalog
    policy: Policy
    closure: Closure
    keep: frozenset[TableName]
    skip: frozenset[TableName]
    nulled: Mapping[TableName, frozenset[str]]
    grants: bool = False
    acknowledged: frozenset[ColumnName | str] = frozenset()  # columns and texts of the schema whose findings
    # of the leak check somebody has accepted


@dataclass(frozen=True, slots=True)
class Built:
    """What was written."""

    rows: Mapping[TableName, int]
    bytes: int
    left_out: tuple[LeftOut, ...]


def build(job: Job, source: Session, target: Session, progress: Progress) -> Built:
    """Fill the database of `target` (empty, ours). The source session is in its exported snapshot."""
    unavailable = _unavailable_extensions(job, target)
    target_major = int(target.fetchval("SELECT current_setting('server_version_num')::int")) // 10000
    tools = find_client_tools(
        job.catalog.facts.server_version // 10000,
        target_major,
        tls=source.is_encrypted or target.is_encrypted,
    )
    refill = _refill_triggers(job, source)
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        progress.start("schema")
        archive, without = dump_schema(
            source, tools, Path(folder), skip=with_leaves(job.catalog, job.skip), unavailable=unavailable
        )
        if not any(t.name.schema == "public" for t in job.catalog) and not _has_public(source):
            target.execute("DROP SCHEMA IF EXISTS public", doing="preparing the schema")
        archive.restore(target.settings, target.database, "pre-data", without=without, grants=job.grants)
        if refill:
            archive.restore(target.settings, target.database, "post-data", without=without, only=refill)
        progress.finish("schema")
        rows, size = copy_rows(job, source, target, progress)
        set_sequences(job.catalog, source, target)
        progress.start("keys, indexes, constraints")
        archive.restore(
            target.settings, target.database, "post-data", without=without | refill, grants=job.grants
        )
        progress.finish("keys, indexes, constraints")
        _settle(target, progress)
        return Built(rows, size, archive.left_out)


def copy_rows(
    job: Job, source: Session, target: Session, progress: Progress
) -> tuple[dict[TableName, int], int]:
    """Copy every table's rows of the closure; returns rows per table and bytes in all."""
    counts: dict[TableName, int] = {}
    size = 0
    for name, rows in sorted(job.closure.rows.items()):
        if rows.count == 0:
            counts[name] = 0
            continue
        plan = plan_of(job, name)
        task = str(name)
        progress.start(task, rows.count)
        total = Totals()
        for read in reads(job.catalog, plan, rows, whole=name in job.keep):
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


def plan_of(job: Job, name: TableName) -> ReadPlan:
    """The read plan of one logical table under its decisions. Columns that are kept are in the tail."""
    decisions = job.policy.of(name)
    masks = {
        column: decision.mask
        for column, decision in decisions.items()
        if decision.mask is not None and not decision.keeps
    }
    refilled = {column for column, decision in decisions.items() if decision.rebuild_trigger}
    return read_plan(
        job.catalog,
        job.catalog.tables[name],
        masks,
        nulled=job.nulled.get(name, frozenset()),
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


def _unavailable_extensions(job: Job, target: Session) -> tuple[str, ...]:
    available = {row["name"] for row in target.fetch("SELECT name FROM pg_catalog.pg_available_extensions")}
    missing = tuple(sorted(set(job.catalog.extensions) - available))
    for table in job.catalog:
        for column in table.columns:
            if table.name not in job.skip and column.type.innermost.extension in missing:
                raise SourceRefused(
                    f"{table.name}.{column.name} has a type of the extension {column.type.innermost.extension}",
                    why="the target's server does not offer that extension",
                    hint="install it there, or put the table in `skip`",
                )
    return missing


def _refill_triggers(job: Job, source: Session) -> frozenset[tuple[int, int]]:
    """The identities of the triggers that must fire during the load, because they refill a column."""
    wanted = [
        (job.catalog.tables[name.table].oid, decision.rebuild_trigger)
        for name, decision in job.policy.decisions.items()
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


def set_sequences(catalog: Catalog, source: Session, target: Session, *, forward_only: bool = False) -> None:
    """Every sequence continues after the source's last value and after the largest value its column now holds
    (a masked key may lie beyond the source's). One that the role may not read continues after its column alone.

    `forward_only`: those that are there already stay, and the others move as part of the transaction. `setval` alone
    is never rolled back; RESTART gives the sequence a new file, which is.
    """
    drawing = _columns_drawing(catalog)
    for sequence in catalog.sequences:
        if target.fetchval("SELECT pg_catalog.to_regclass($1)::text", sequence.name.sql) is None:
            continue
        reached = _reached(sequence, drawing.get(str(sequence.name), ()), target)
        if reached is not None:
            reached = min(max(reached, sequence.minimum), sequence.maximum)
        state = _state(sequence, source)
        if state is None:
            if reached is None:
                continue
            state = reached, True
        last, called = state
        if reached is not None and (
            (sequence.increment > 0) == (reached > last) or (reached == last and not called)
        ):
            last, called = reached, True
        if forward_only:
            there = _state(sequence, target)
            if there is not None and not _is_behind(there, (last, called), sequence.increment):
                continue
            target.execute(f"ALTER SEQUENCE {sequence.name.sql} RESTART")
        target.fetchval(
            "SELECT pg_catalog.setval($1::text::regclass, $2, $3)", sequence.name.sql, last, called
        )


def _is_behind(here: tuple[int, bool], there: tuple[int, bool], increment: int) -> bool:
    return here < there if increment > 0 else (-here[0], here[1]) < (-there[0], there[1])


def _state(sequence: Sequence, session: Session) -> tuple[int, bool] | None:
    """The last value and whether it has been given out; None where the role may not look."""
    if not session.fetchval(
        "SELECT pg_catalog.has_sequence_privilege($1::text, 'SELECT')", sequence.name.sql
    ):
        return None
    state = session.fetch(f"SELECT last_value, is_called FROM {sequence.name.sql}")[0]
    return int(state["last_value"]), bool(state["is_called"])


def _columns_drawing(catalog: Catalog) -> Mapping[str, tuple[ColumnName, ...]]:
    """For every sequence the columns of logical tables that draw from it, owned or not."""
    found: dict[str, tuple[ColumnName, ...]] = {}
    for name in catalog.leaves:
        for column in catalog.tables[name].columns:
            # A text column may spell a number into a code ('INV-' || nextval): it says nothing of how far the sequence is.
            if column.sequence is not None and column.type.family in (Family.INTEGER, Family.NUMERIC):
                found[column.sequence] = (*found.get(column.sequence, ()), ColumnName(name, column.name))
    return found


def _reached(sequence: Sequence, drawing: Iterable[ColumnName], target: Session) -> int | None:
    """The value farthest along in the columns that draw from the sequence."""
    columns = dict.fromkeys([*([sequence.owned_by] if sequence.owned_by else []), *drawing])
    extreme, farthest = ("max", max) if sequence.increment > 0 else ("min", min)
    values = [
        target.fetchval(
            f"SELECT {extreme}({quote_identifier(name.column)})::numeric::text FROM {name.table.sql}"
        )
        for name in columns
        if target.fetchval("SELECT pg_catalog.to_regclass($1)::text", name.table.sql) is not None
    ]
    return farthest((int(v) for v in values if v is not None and v.lstrip("-").isdigit()), default=None)


def _settle(target: Session, progress: Progress) -> None:
    """Fill materialised views in the order they depend on each other, then gather statistics."""
    progress.start("statistics")
    for row in target.fetch(_MATERIALIZED_SQL):
        target.execute(
            f"REFRESH MATERIALIZED VIEW {row['name']}", doing=f"filling the materialised view {row['name']}"
        )
    target.execute("ANALYZE", doing="gathering statistics")
    progress.finish("statistics")


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
SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN depth ON depth.view = c.oid
 WHERE c.relkind = 'm'
 GROUP BY n.nspname, c.relname ORDER BY max(depth.level), 1
"""
