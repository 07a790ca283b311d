"""Who works on the tables of a scrub: this process, or several beside it, each with connections of its own to the closed
database.

A worker is told names, never secrets: it reads the project itself. What it does and the note that it is done are one
transaction of its own, so a scrub that is killed, or one whose worker is, goes on from the notes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.devdb.labour import free_connections, jobs_for, within
from penstock.devdb.progress import Progress, note
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused
from penstock.masks.keys import Keyring, hold
from penstock.project import settings as project_settings
from penstock.project.connections import ConnectionSettings
from penstock.project.key import parse_key
from penstock.project.settings import ProjectSettings
from penstock.runs.items import Crew, Here, Outfit
from penstock.runs.workers import Workers

APPLICATION = "penstock dev scrub"
_CONNECTIONS = 2  # of each worker
_LIMITS_SQL = "SET lock_timeout = '60s'; SET default_transaction_read_only = off"


@dataclass(frozen=True, slots=True)
class Station:
    """Where an item is worked on: a session that writes, and the way to one that reads."""

    session: Session
    target: ConnectionSettings

    def reader(self) -> AbstractContextManager[Session]:
        return Session.open(self.target, read_only=True, application_name=APPLICATION)


@dataclass(frozen=True, slots=True)
class _Place:
    """What a worker is told."""

    project: Path
    overrides: Mapping[str, str]
    connection: str
    key_fingerprint: str


@contextmanager
def station(target: ConnectionSettings) -> Iterator[Station]:
    """Connect, with no limit that cuts a long statement."""
    with Session.open(target, read_only=False, application_name=APPLICATION) as session:
        session.lift_limits()
        session.execute(_LIMITS_SQL)
        yield Station(session, target)


@contextmanager
def crew(
    project: ProjectSettings,
    here: Station,
    keys: Keyring,
    jobs: int | None,
    size_bytes: int,
    progress: Progress,
) -> Iterator[Crew]:
    """`jobs` workers; by default as many as pay for themselves, and as the server lets in."""
    room = free_connections(here.session) // _CONNECTIONS
    count = within(
        jobs or jobs_for(size_bytes, room),
        progress,
        (room, f"the server lets no more connect, and each needs {_CONNECTIONS} connections"),
    )
    if count == 1:
        yield Here(here)
        return
    place = _Place(project.root, dict(project.overrides), here.target.name, keys.fingerprint)
    with Workers(Outfit(open_station, place), count, lambda text: note(progress, text)) as workers:
        yield workers


@contextmanager
def open_station(place: _Place) -> Iterator[Station]:
    """A worker's. Raises `TargetRefused` where the project's key is another one by now."""
    project = project_settings.load(place.project, flags=place.overrides)
    keys = Keyring(parse_key(project.key()))
    if keys.fingerprint != place.key_fingerprint:
        raise TargetRefused(
            "the project's key changed during the run",
            why="a worker read another one than the command",
            hint="put the key back, and run the command again",
        )
    hold(keys)
    with station(project.only_connection("target", place.connection)) as opened:
        yield opened


class Watch:
    """Tells of items by the table they are about: several of one table are one task."""

    def __init__(
        self, progress: Progress, task_of: Mapping[str, str], rows: Mapping[str, int] | None = None
    ) -> None:
        self._progress = progress
        self._task_of = task_of
        self._rows = rows or {}
        self._left = Counter(task_of.values())
        self._begun: set[str] = set()

    def started(self, name: str) -> None:
        task = self._task_of[name]
        if task not in self._begun:
            self._begun.add(task)
            self._progress.start(task, self._rows.get(task))

    def advanced(self, name: str, rows: int, size_bytes: int) -> None:
        self._progress.advance(self._task_of[name], rows, size_bytes)

    def finished(self, name: str) -> None:
        task = self._task_of[name]
        self._left[task] -= 1
        if not self._left[task]:
            self._progress.finish(task)
