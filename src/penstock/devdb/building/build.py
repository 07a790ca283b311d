"""Fill an empty database: schema before the data, rows through the pump, constraints after the data.

Constraints come last because that is five times as fast (COPY into live constraints: 34-44 k rows/s, constraints
afterwards and validated: 222-275 k rows/s), and because cycles of NOT NULL foreign keys then need no special case.
Triggers come last too, so that rows fire none of them, but for those that refill a search column.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from penstock.catalog.model import Catalog, TableName
from penstock.devdb.building.derived import analyze, fill_views
from penstock.devdb.building.schema import SchemaArchive, dump_schema
from penstock.devdb.building.sequences import set_sequences
from penstock.devdb.clone.load import Loaded, load, settle
from penstock.devdb.closure.rowset import RowSet, blocks_of, offsets_of
from penstock.devdb.disarm.behind import Behind, behind, offered_extensions, reasons_against
from penstock.devdb.disarm.left_out import LeftOut, remove_addresses
from penstock.devdb.disarm.outward import switch_off
from penstock.devdb.disarm.uncarried import carry_settings
from penstock.devdb.labour import VACUUM_OF_CLONE, Vacuum
from penstock.devdb.largeobjects import copy_large_objects
from penstock.devdb.planning.subset import Subset
from penstock.devdb.progress import Progress
from penstock.engines.postgres.clients import find_client_tools
from penstock.engines.postgres.session import Session
from penstock.pump.move import Totals, move
from penstock.pump.readplan import ReadPlan, read_plan
from penstock.runs.items import Crew

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
    warnings: tuple[str, ...]  # of what only the rows could tell


def build(
    subset: Subset,
    source: Session,
    target: Session,
    progress: Progress,
    *,
    crew: AbstractContextManager[Crew] | None = None,
    vacuum: Vacuum = VACUUM_OF_CLONE,
) -> Built:
    """Fill the database of `target` (empty, ours). The source session is in its exported snapshot.

    A clone is filled by a `crew`, each of whose workers has a station of `clone.station`; it also builds the indexes. It
    comes when the schema stands: `pg_dump` needs a connection of its own.
    """
    refill = _refill_triggers(subset, source)
    with tempfile.TemporaryFile() as file:
        progress.start("schema")
        archive, without, staying = restore_tables(subset, source, target, file)
        if refill:
            archive.restore(target.settings, target.database, "post-data", without=without, only=refill)
        progress.finish("schema")
        with crew if crew is not None else nullcontext() as at_work:
            rows, size, built = _fill(subset, source, target, archive.identities - without, at_work, progress)
            warnings = set_sequences(subset.catalog, source, target, subset.policy)
            if subset.large_objects:
                size += copy_large_objects(source, target, progress, grants=subset.grants)
            progress.start("keys, indexes, constraints")
            done = refill | (built.built if built else frozenset())
            archive.restore(
                target.settings,
                target.database,
                "post-data",
                without=without,
                done=done,
                grants=subset.grants,
            )
            switch_off(target, [one for one in staying.silent if one.table not in staying.relations])
            progress.finish("keys, indexes, constraints")
            if built is not None and at_work is not None:
                settle(subset.catalog, built, target, at_work, vacuum, progress)
        progress.start("statistics")
        filled = fill_views(target, frozenset(staying.unfilled))
        if crew is None:
            analyze(target)
        elif filled:
            views = ", ".join(name.sql for name in filled)
            target.execute(f"ANALYZE {views}", doing="gathering statistics")
        progress.finish("statistics")
        refused = carry_settings(subset.catalog, target)
        return Built(rows, size, (*staying.told, *archive.left_out, *refused), tuple(warnings))


def restore_tables(
    subset: Subset, source: Session, target: Session, file: IO[bytes]
) -> tuple[SchemaArchive, frozenset[tuple[int, int]], Behind]:
    """Make everything that comes before rows. Returns the archive, kept in `file`, what of it is not to be restored, and all
    that stays behind."""
    offered = offered_extensions(target)
    for error in reasons_against(source, subset, offered):
        raise error
    staying = behind(source, subset, offered)
    target_major = int(target.fetchval("SELECT current_setting('server_version_num')::int")) // 10000
    tools = find_client_tools(
        subset.catalog.facts.server_version // 10000,
        target_major,
        tls=source.is_encrypted or target.is_encrypted,
    )
    archive, without = dump_schema(
        source,
        tools,
        file,
        skip=staying.relations,
        unavailable=staying.extensions,
    )
    without |= staying.identities
    if not any(t.name.schema == "public" for t in subset.catalog) and not _has_public(source):
        target.execute("DROP SCHEMA IF EXISTS public", doing="preparing the schema")
    archive.restore(target.settings, target.database, "pre-data", without=without, grants=subset.grants)
    if subset.disarm:
        remove_addresses(target)
    return archive, without, staying


def _fill(
    subset: Subset,
    source: Session,
    target: Session,
    known: frozenset[tuple[int, int]],
    crew: Crew | None,
    progress: Progress,
) -> tuple[Mapping[TableName, int], int, Loaded | None]:
    """The rows: of a clone with its indexes, of which the archive (which holds what is `known`) need restore no more."""
    if crew is None:
        return *copy_rows(subset, source, target, progress), None
    plans = [plan_of(subset, name) for name in sorted(subset.whole)]
    loaded = load(subset.catalog, plans, source, target, crew, known, progress)
    return loaded.rows, loaded.bytes, loaded


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
