"""Who works on a prune: processes with a session each on the database that is pruned, or this one with the session it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from penstock.devdb.context import Context
from penstock.devdb.labour import free_connections, jobs_for, raise_sort_memory
from penstock.devdb.place import Place, context_at, place_of
from penstock.devdb.progress import Progress, note
from penstock.devdb.prune import stage
from penstock.engines.postgres.session import PINNED, Session
from penstock.runs.items import Crew, Here, Outfit
from penstock.runs.workers import Workers


@dataclass(frozen=True, slots=True)
class Station:
    """Where an item is worked at."""

    session: Session

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As the session's, but patient: nobody but the other workers can be in the way, and they end."""
        with self.session.transaction():
            self.session.execute("SET LOCAL lock_timeout = 0", doing="preparing a transaction")
            yield


@contextmanager
def crew(
    context: Context, control: Session, size_bytes: int, jobs: int | None, progress: Progress
) -> Iterator[Crew]:
    """The workers of one prune. `control` is on the database, and works itself where nobody else does."""
    prepare(control)
    count = 1 if context.target_is_own else jobs or jobs_for(size_bytes, free_connections(control))
    if count == 1:
        yield Here(Station(control))
        return
    outfit = Outfit(open_station, place_of(context, control.database))
    with Workers(outfit, count, lambda text: note(progress, text)) as workers:
        yield workers


@contextmanager
def open_station(place: Place) -> Iterator[Station]:
    """Connect to the database. Raises `PlanDrift` where the project's key is another one by now."""
    with context_at(place).target_session(place.database) as session:
        prepare(session)
        yield Station(session)


def prepare(session: Session) -> None:
    """Pin what VACUUM and REINDEX, which know no transaction, depend on too, and lift what could cut them.

    Not the search_path: functions in indexes, CHECKs and generated columns may need the one people have. What the
    server itself brings is found first all the same.
    """
    pinned = {**PINNED, "synchronous_commit": "off", "default_tablespace": ""}
    pinned.pop("search_path")
    for name, value in pinned.items():
        session.execute(f"SET {name} = '{value}'", doing="preparing a connection")
    session.lift_limits()
    session.execute(
        "SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'pg_catalog', "
        "nullif(pg_catalog.current_setting('search_path'), '')), false)",
        doing="preparing a connection",
    )
    raise_sort_memory(session)
    stage.prepare(session)
