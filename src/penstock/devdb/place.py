"""What a worker is told of a project: names, never secrets. It reads the project's files itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.devdb.context import Context, context_of
from penstock.devdb.planning.plan import settings_as_dict, settings_from_dict
from penstock.errors import PlanDrift
from penstock.masks.keys import hold
from penstock.project import settings as project_settings


@dataclass(frozen=True, slots=True)
class Place:
    """One `[devdb.NAME]`, and the database under its temporary name."""

    project: Path
    overrides: Mapping[str, str]
    name: str
    settings: Mapping[str, Any]
    key_fingerprint: str
    database: str


def place_of(context: Context, database: str) -> Place:
    return Place(
        context.root,
        dict(context.overrides),
        context.name,
        settings_as_dict(context.settings),
        context.keys.fingerprint,
        database,
    )


def context_at(place: Place) -> Context:
    """The context, in the worker. Raises `PlanDrift` where the project's key is another one by now."""
    project = project_settings.load(place.project, flags=place.overrides)
    context = context_of(project, place.name, settings_from_dict(place.settings, place.name))
    if context.keys.fingerprint != place.key_fingerprint:
        raise PlanDrift(
            "the project's key changed during the run",
            why="a worker read another one than the command",
            hint="run the command again",
        )
    hold(context.keys)
    return context
