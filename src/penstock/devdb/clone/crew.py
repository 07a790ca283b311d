"""Who works on a clone: processes with a station each, or this one with the sessions it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from penstock.devdb import databases
from penstock.devdb.clone.station import Station, outfit, prepare_target
from penstock.devdb.context import Context
from penstock.devdb.labour import free_connections, jobs_for, within
from penstock.devdb.locking import lockable
from penstock.devdb.planning.subset import Subset
from penstock.devdb.progress import Progress, note
from penstock.engines.postgres.session import Session
from penstock.runs.items import Crew, Here
from penstock.runs.workers import Workers

_SHARE_OF_FREE = 0.25  # of the connections a source still has: production needs the others
_FOR_RESTORING = 1  # of those a target still has: pg_restore connects while the workers do


@contextmanager
def crew(
    context: Context,
    subset: Subset,
    size_bytes: int,
    source: Session,
    target: Session,
    jobs: int | None,
    progress: Progress,
) -> Iterator[Crew]:
    """The workers of one build, or this process with the sessions it has. `source` is in its exported snapshot."""
    tables = _read(subset)
    count = 1 if context.target_is_own else _count(len(tables), size_bytes, source, target, jobs, progress)
    if count == 1:
        prepare_target(target)
        yield Here(Station(source, target))
        return
    with Workers(
        outfit(context, source, target.database, tables), count, lambda text: note(progress, text)
    ) as workers:
        yield workers


def _count(
    tables: int,
    size_bytes: int,
    source: Session,
    target: Session,
    jobs: int | None,
    progress: Progress,
) -> int:
    """As many as are asked for or pay for themselves, and no more than both servers have room for."""
    one_server = databases.server_of(source) == databases.server_of(target)
    room = (free_connections(target) - _FOR_RESTORING) // (2 if one_server else 1)
    wished = jobs or jobs_for(size_bytes, int(free_connections(source) * _SHARE_OF_FREE), room)
    return within(
        wished,
        progress,
        (room, "the target lets no more connect, and pg_restore connects beside them"),
        (
            lockable(source, tables),
            f"the source's table of locks has no room for {tables} tables in each of more (max_locks_per_transaction)",
        ),
    )


def _read(subset: Subset) -> tuple[str, ...]:
    """The tables that workers may come to read: those whose rows they copy, what masks look up along foreign keys, and what
    these are partitions of, whose bounds the planner looks at."""
    catalog = subset.catalog
    read = set(subset.whole)
    for name in subset.whole:
        read.update(catalog.root_of(key.referenced_table) for key in catalog.tables[name].foreign_keys)
    read -= subset.skip
    return tuple(
        table.name.sql
        for table in catalog
        if table.kind in ("table", "partitioned") and catalog.root_of(table.name) in read
    )
