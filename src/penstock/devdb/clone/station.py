"""Where a worker of a clone stands: a session in the shared snapshot of the source, and one on the database being built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from penstock.devdb.context import Context
from penstock.devdb.labour import raise_sort_memory
from penstock.devdb.place import Place, context_at, place_of
from penstock.engines.postgres.session import Session
from penstock.runs.items import Outfit


@dataclass(frozen=True, slots=True)
class Station:
    source: Session
    target: Session


@dataclass(frozen=True, slots=True)
class InSnapshot:
    """What a worker is told."""

    place: Place
    snapshot: str
    tables: tuple[str, ...]  # what it may come to read


def outfit(context: Context, source: Session, database: str, tables: tuple[str, ...]) -> Outfit:
    """How workers get their stations. The source session exported its snapshot behind locks on these tables, and lives until
    they have ended."""
    if source.snapshot_id is None:
        raise ValueError("the source session has exported no snapshot")
    return Outfit(open_station, InSnapshot(place_of(context, database), source.snapshot_id, tables))


@contextmanager
def open_station(told: InSnapshot) -> Iterator[Station]:
    """Connect to both sides, and lock what the worker may come to read: a migration that comes later waits for all of them.

    Raises `PlanDrift` where the project's key is another one by now, `MigrationWaits` where one waits already.
    """
    context = context_at(told.place)
    application_name = f"penstock dev {context.name}"
    with (
        Session.open(context.source, read_only=True, application_name=application_name) as source,
        context.target_session(told.place.database) as target,
    ):
        source.begin_snapshot(told.snapshot)
        source.lock_beside(told.tables)
        prepare_target(target)
        yield Station(source, target)


def prepare_target(target: Session) -> None:
    """More memory for building indexes; a commit need not wait for the disk (publishing the database does); no limit of the
    role cuts a VACUUM, which no transaction of ours can lift it for."""
    target.lift_limits()
    raise_sort_memory(target)
    target.execute(
        "SET synchronous_commit = off; SET search_path = ''",
        doing="preparing the target",
    )
