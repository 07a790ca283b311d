"""How a clone or a prune is made, whatever it holds: by how many, how compact, with how much memory for sorting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penstock.devdb.context import Context
from penstock.devdb.progress import Progress, note
from penstock.engines.postgres.session import Session
from penstock.errors import UsageError
from penstock.machine import processors

Vacuum = Literal["none", "analyze", "full"]
VACUUM_OF_CLONE: Vacuum = "none"  # it is compact, and has statistics in any case
VACUUM_OF_PRUNE: Vacuum = "full"  # as compact as loaded anew

_MOST_JOBS = 8
_LEAST_BYTES = 256 << 20  # below that, starting workers costs more than they save
_SORT_KILOBYTES = 256 << 10  # for building indexes, of each worker


@dataclass(frozen=True, slots=True)
class Labour:
    """What is asked for."""

    jobs: int | None = None  # workers; None: as many as `jobs_for` says
    vacuum: Vacuum | None = None  # afterwards; None: the default above

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


def jobs_for(size_bytes: int, *room: int) -> int:
    """How many work where nobody says: by the processors here, and no more than there is room for on each server."""
    if size_bytes < _LEAST_BYTES:
        return 1
    return max(1, min(processors(), _MOST_JOBS, *room))


def within(count: int, progress: Progress, *limits: tuple[int, str]) -> int:
    """So many, or fewer where less is possible: then a note says why. One, the command itself, is always possible."""
    for most, why in limits:
        if max(1, most) < count:
            note(progress, f"{max(1, most)} of {count} workers: {why}")
            count = max(1, most)
    return count


def free_connections(session: Session) -> int:
    """How many more may connect: to the server, to the database, as this role."""
    return int(session.fetchval(_FREE_SQL))


def raise_sort_memory(session: Session) -> None:
    """More memory for building indexes, unless the server gives more."""
    session.execute(
        "SELECT pg_catalog.set_config('maintenance_work_mem', "
        f"greatest(setting::int8, {_SORT_KILOBYTES})::text, false) FROM pg_catalog.pg_settings "
        "WHERE name = 'maintenance_work_mem'",
        doing="preparing a connection",
    )


_FREE_SQL = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0) - (
        SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usesysid IS NOT NULL),
    (SELECT nullif(datconnlimit, -1) FROM pg_catalog.pg_database WHERE datname = current_database()
        AND current_setting('is_superuser') = 'off') - (
        SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = current_database()),
    (SELECT nullif(rolconnlimit, -1) FROM pg_catalog.pg_roles WHERE rolname = current_user
        AND current_setting('is_superuser') = 'off') - (
        SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usename = current_user)
)::int
"""
