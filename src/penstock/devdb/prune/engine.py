"""Carry out a prune in a database that nobody else uses: keys off, tables in parallel, keys back, validated.

What is done to a table, an index or a key is a work item (`items`), for a crew in this process or beside it. What must be
put back is remembered here and nowhere else: the database bears a temporary name, and a run that is killed leaves debris
that the next one drops (decision 010). Nothing is published before the keys hold again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from penstock.catalog.model import Catalog, TableName
from penstock.devdb import quiet
from penstock.devdb.building.derived import refill_views
from penstock.devdb.closure.addresses import Addresses
from penstock.devdb.context import Context
from penstock.devdb.keys import Key, put_back, take_off
from penstock.devdb.labour import VACUUM_OF_PRUNE, Vacuum
from penstock.devdb.planning.going import Going
from penstock.devdb.planning.ways import Way, may_move
from penstock.devdb.progress import Progress
from penstock.devdb.prune import unproven
from penstock.devdb.prune.crew import crew
from penstock.devdb.prune.indexes import drop_invalid, indexes_of
from penstock.devdb.prune.items import (
    change_of,
    compact_items,
    explained,
    index_items,
    moving_items,
    task_of,
    validation_items,
)
from penstock.devdb.prune.tables import carry_out
from penstock.devdb.prune.unproven import Unproven
from penstock.devdb.watch import Watch
from penstock.engines.postgres.session import Session
from penstock.runs.items import Crew, Item, Unwatched


@dataclass(frozen=True, slots=True)
class Task:
    """A prune that is decided: what the database holds, what goes, and how."""

    catalog: Catalog
    going: Going
    ways: tuple[Way, ...]
    nulled: Mapping[TableName, frozenset[str]]  # columns that become NULL in every row
    vacuum: Vacuum = VACUUM_OF_PRUNE
    jobs: int | None = None


def prune(context: Context, database: str, task: Task, progress: Progress) -> None:
    """Bring `database` to what stays. It is complete and consistent before and after, and of no use in between."""
    changed = [way for way in task.ways if way.kind != "keep"]
    size = sum(way.bytes for way in changed)
    with (
        context.target_session(database) as control,
        crew(context, control, size, task.jobs, progress) as workers,
    ):
        with control.transaction():
            written = [*_written(task, changed)]
            taken = take_off(control, losing=[way.leaf for way in changed], written=written)
            unchecked = unproven.take_off(control, written)
            silenced = quiet.silence(control, [way.leaf for way in changed])
        _change(workers, task, changed, control, progress)
        _put_back(workers, control, taken, unchecked, silenced, progress)
        _settle(control, task, changed, progress)


def _written(task: Task, changed: Sequence[Way]) -> Iterator[TableName]:
    """What rows are written to: a partition that no row leaves may be given those of others."""
    given = {way.table for way in changed if may_move(task.catalog, task.going, task.nulled, way.leaf)}
    for way in changed:
        if way.table not in given and (way.kind == "rewrite" or _writes(task, way)):
            yield way.leaf
    for table in given:
        yield from task.catalog.leaves[table]


def _writes(task: Task, way: Way) -> bool:
    return bool(task.nulled.get(way.table)) or any(cut.table == way.table for cut in task.going.cuts)


def _change(workers: Crew, task: Task, changed: Sequence[Way], control: Session, progress: Progress) -> None:
    """Every table, with its indexes; then, when no transaction is left that was open while rows went, what compacts it."""
    block_bytes = int(control.fetchval("SELECT pg_catalog.current_setting('block_size')"))
    offset_bits = Addresses(task.catalog, block_bytes).offset_bits
    items: list[Item] = []
    tasks, rows = {}, {}
    for way in changed:
        drop_invalid(control, way.leaf)
        indexes = indexes_of(control, way.leaf) if way.kind == "rewrite" else ()
        what = change_of(task.catalog, task.going, way, task.nulled, indexes, offset_bits)
        item = Item(task_of(way), carry_out, what, round(way.cost))
        items += [item, *index_items(way, indexes, item.name)]
        tasks[item.name], rows[item.name] = item.name, what.touched
    workers.run(items, Watch(progress, len(items), "indexes", tasks, rows))
    moving = list(moving_items(task.catalog, task.going, changed, task.nulled, offset_bits))
    if moving:
        workers.run(moving, Watch(progress, len(moving), "cutting"))
    if task.vacuum != "none":
        compacting = list(compact_items(task.catalog, changed, task.vacuum))
        workers.run(compacting, Watch(progress, len(compacting), "compacting"))


def _put_back(
    workers: Crew,
    control: Session,
    taken: Sequence[Key],
    unchecked: Unproven,
    silenced: Sequence[str],
    progress: Progress,
) -> None:
    progress.start("foreign keys")
    with control.transaction():
        unproven.put_back(control, unchecked)
        for key in taken:
            with explained(key):
                put_back(control, key)
        quiet.arm(control, silenced)
    workers.run(validation_items(taken), Unwatched())
    progress.finish("foreign keys")


def _settle(control: Session, task: Task, changed: Sequence[Way], progress: Progress) -> None:
    """Materialised views show what stays, and partition roots have statistics of it."""
    if not changed:
        return
    progress.start("statistics")
    refill_views(control)
    if task.vacuum != "none":
        for table in dict.fromkeys(way.table for way in changed):
            if task.catalog.tables[table].kind == "partitioned":
                control.execute(f"ANALYZE {table.sql}", doing=f"gathering statistics of {table}")
    progress.finish("statistics")
