"""Who works on a clone: processes with a station each, or this one with the sessions it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from penstock.devdb.clone.station import Station, outfit, prepare_target
from penstock.devdb.context import Context
from penstock.devdb.labour import jobs_for
from penstock.devdb.progress import Progress, note
from penstock.engines.postgres.session import Session
from penstock.runs.items import Crew, Here
from penstock.runs.workers import Workers

_SHARE_OF_FREE = 0.25  # of the connections a source still has: production needs the others


@contextmanager
def crew(
    context: Context, size_bytes: int, source: Session, target: Session, jobs: int | None, progress: Progress
) -> Iterator[Crew]:
    """The workers of one build, or this process with the sessions it has. `source` is in its exported snapshot."""
    count = (
        1 if context.target_is_own else jobs or jobs_for(size_bytes, (source, _SHARE_OF_FREE), (target, 1.0))
    )
    if count == 1:
        prepare_target(target)
        yield Here(Station(source, target))
        return
    with Workers(
        outfit(context, source, target.database), count, lambda text: note(progress, text)
    ) as workers:
        yield workers
