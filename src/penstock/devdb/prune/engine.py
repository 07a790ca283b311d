"""Carry out a prune in a database that nobody else uses: keys off, tables in parallel, keys back, validated.

What must be put back is remembered here and nowhere else: the database bears a temporary name, and a run that is killed
leaves debris that the next one drops (decision 010). Nothing is published before the keys hold again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.catalog.model import Catalog, TableName
from penstock.devdb.building.derived import refill_views
from penstock.devdb.clone.load import Vacuum
from penstock.devdb.closure.addresses import Addresses
from penstock.devdb.context import Context
from penstock.devdb.progress import Progress
from penstock.devdb.prune import keys, quiet
from penstock.devdb.prune.crew import Crew, Work, crew, default_jobs
from penstock.devdb.prune.rows import Going
from penstock.devdb.prune.tables import carry_out, compact
from penstock.devdb.prune.ways import VACUUM, Way
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class Task:
    """A prune that is decided: what the database holds, what goes, and how."""

    catalog: Catalog
    going: Going
    ways: tuple[Way, ...]
    nulled: Mapping[TableName, frozenset[str]]  # columns that become NULL in every row
    vacuum: Vacuum = VACUUM
    jobs: int | None = None


def prune(context: Context, database: str, task: Task, progress: Progress) -> None:
    """Bring `database` to what stays. It is complete and consistent before and after, and of no use in between."""
    changed = [way for way in task.ways if way.kind != "keep"]
    with (
        context.target_session(database) as control,
        crew(context, database, task.jobs or default_jobs()) as workers,
    ):
        with control.transaction():
            taken = keys.take_off(
                control,
                losing=[way.leaf for way in changed],
                written=[way.leaf for way in changed if way.kind == "rewrite" or _writes(task, way)],
            )
            silenced = quiet.silence(control, [way.leaf for way in changed])
        _change(workers, task, changed, control, progress)
        progress.start("foreign keys")
        with control.transaction():
            keys.put_back(control, taken)
            quiet.arm(control, silenced)
        workers.do(keys.validations(taken))
        progress.finish("foreign keys")
        _settle(control, task, changed, progress)


def _writes(task: Task, way: Way) -> bool:
    return bool(task.nulled.get(way.table)) or any(cut.table == way.table for cut in task.going.cuts)


def _change(workers: Crew, task: Task, changed: Sequence[Way], control: Session, progress: Progress) -> None:
    block_bytes = int(control.fetchval("SELECT pg_catalog.current_setting('block_size')"))

    addresses = Addresses(task.catalog, block_bytes)

    def work(way: Way) -> Work:
        def one(session: Session) -> None:
            label = f"{way.kind} {way.leaf}"
            progress.start(label, way.total)
            nulled = task.nulled.get(way.table, frozenset())
            carry_out(session, task.catalog, addresses, task.going, way, nulled)
            progress.advance(label, way.total)
            progress.finish(label)

        return one

    def tidy(way: Way) -> Work:
        return lambda session: compact(session, way, task.vacuum)

    largest_first = sorted(changed, key=lambda way: -way.cost)
    workers.do(map(work, largest_first))
    if task.vacuum != "none":
        progress.start("compacting")
        workers.do(map(tidy, largest_first))
        progress.finish("compacting")


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
