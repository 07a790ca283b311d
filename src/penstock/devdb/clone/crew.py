"""How many work on a clone: what the machine has, what the servers let in, what is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from penstock.devdb.clone.load import Vacuum
from penstock.devdb.clone.station import Station, outfit, prepare_target
from penstock.devdb.context import Context
from penstock.devdb.progress import Progress, note
from penstock.engines.postgres.session import Session
from penstock.errors import UsageError
from penstock.machine import processors
from penstock.runs.items import Crew, Here
from penstock.runs.workers import Workers

_MOST_JOBS = 8
_SHARE_OF_FREE = 0.25  # of the connections a source still has: production needs the others
_LEAST_BYTES = 256 << 20  # below that, starting workers costs more than they save


@dataclass(frozen=True, slots=True)
class Labour:
    """How a clone or a prune is made, whatever it holds."""

    jobs: int | None = None  # workers; None: as many as the machine and the servers allow
    vacuum: Vacuum | None = None  # afterwards; None: of a clone none, of a prune what `prune.ways` says

    def require_use(self, context: Context, *, planning: bool = False) -> None:
        """Raise `UsageError` where what is asked for changes nothing."""
        strategy = context.settings.strategy
        asked = [f"--{name}" for name in ("jobs", "vacuum") if getattr(self, name) is not None]
        if asked and (strategy == "subset" or (planning and strategy == "clone")):
            raise UsageError(
                f"{' and '.join(asked)} would change nothing: [devdb.{context.name}] is a {strategy}",
                why="what a prune deletes from is vacuumed as its plan says; a clone's plan is the same however it is vacuumed"
                if planning
                else "a subset is read by one connection and written by one, into tables that no row is deleted from",
                hint="leave out " + " and ".join(asked),
            )


@contextmanager
def crew(
    context: Context, size_bytes: int, source: Session, target: Session, jobs: int | None, progress: Progress
) -> Iterator[Crew]:
    """The workers of one build, or this process with the sessions it has. `source` is in its exported snapshot."""
    count = (
        1 if context.target_is_own else jobs or jobs_for(size_bytes, {source: _SHARE_OF_FREE, target: 1.0})
    )
    if count == 1:
        prepare_target(target)
        yield Here(Station(source, target))
        return
    with Workers(
        outfit(context, source, target.database), count, lambda text: note(progress, text)
    ) as workers:
        yield workers


def jobs_for(size_bytes: int, shares: Mapping[Session, float]) -> int:
    """How many workers pay for themselves; of the connections that are free, they take such a share."""
    if size_bytes < _LEAST_BYTES:
        return 1
    free = min(int(_free_connections(session) * share) for session, share in shares.items())
    return max(1, min(processors(), free, _MOST_JOBS))


def _free_connections(session: Session) -> int:
    """How many more may connect: to the server, to the database, as this role."""
    return int(session.fetchval(_FREE_SQL))


_FREE_SQL = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - (
        SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usesysid IS NOT NULL),
    (SELECT nullif(datconnlimit, -1) FROM pg_catalog.pg_database WHERE datname = current_database()) - (
        SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = current_database()),
    (SELECT nullif(rolconnlimit, -1) FROM pg_catalog.pg_roles WHERE rolname = current_user) - (
        SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usename = current_user)
)::int
"""
