"""Where a worker of a clone stands: a session in the shared snapshot of the source, and one on the database being built.

A worker is told names, never secrets: it reads the project's files itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.devdb.context import Context, context_of
from penstock.devdb.planning.plan import settings_as_dict, settings_from_dict
from penstock.engines.postgres.session import Session
from penstock.errors import PlanDrift
from penstock.masks.keys import hold
from penstock.project import settings as project_settings
from penstock.runs.items import Outfit

_SORT_KILOBYTES = 256 << 10  # for building indexes, of each worker


@dataclass(frozen=True, slots=True)
class Station:
    source: Session
    target: Session


@dataclass(frozen=True, slots=True)
class Place:
    """What a worker is told."""

    project: Path
    overrides: Mapping[str, str]
    name: str
    settings: Mapping[str, Any]
    key_fingerprint: str
    snapshot: str
    database: str  # under its temporary name


def outfit(context: Context, source: Session, database: str) -> Outfit:
    """How workers get their stations. The source session exported its snapshot, and lives until they have ended."""
    if source.snapshot_id is None:
        raise ValueError("the source session has exported no snapshot")
    place = Place(
        context.root,
        dict(context.overrides),
        context.name,
        settings_as_dict(context.settings),
        context.keys.fingerprint,
        source.snapshot_id,
        database,
    )
    return Outfit(open_station, place)


@contextmanager
def open_station(place: Place) -> Iterator[Station]:
    """Connect to both sides. Raises `PlanDrift` where the project's key is another one by now."""
    project = project_settings.load(place.project, flags=place.overrides)
    context = context_of(project, place.name, settings_from_dict(place.settings, place.name))
    if context.keys.fingerprint != place.key_fingerprint:
        raise PlanDrift(
            "the project's key changed during the run",
            why="a worker read another one than the command",
            hint="run the command again",
        )
    hold(context.keys)
    application_name = f"penstock dev {context.name}"
    with (
        Session.open(context.source, read_only=True, application_name=application_name) as source,
        context.target_session(place.database) as target,
    ):
        source.begin_snapshot(place.snapshot)
        prepare_target(target)
        yield Station(source, target)


def prepare_target(target: Session) -> None:
    """More memory for building indexes, unless the server gives more; a commit need not wait for the disk (publishing the
    database does); no limit of the role cuts a VACUUM, which no transaction of ours can lift it for."""
    target.lift_limits()
    target.execute(
        "SELECT pg_catalog.set_config('maintenance_work_mem', "
        f"greatest(setting::int8, {_SORT_KILOBYTES})::text, false) FROM pg_catalog.pg_settings "
        "WHERE name = 'maintenance_work_mem'; "
        "SET synchronous_commit = off; SET search_path = ''",
        doing="preparing the target",
    )
