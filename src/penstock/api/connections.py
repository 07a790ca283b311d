"""The connections of a project: which there are, and who answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from penstock.engines.postgres.checks import ServerFacts, server_facts
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError
from penstock.lake.places import reach
from penstock.project.settings import ProjectSettings


@dataclass(frozen=True, slots=True)
class Connection:
    """One `[connections.NAME]`. Where it cannot be resolved, `url` is empty and `error` says why."""

    name: str
    role: str
    url: str
    error: PenstockError | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says about itself, or the error that kept it from saying it. A lake has no `facts` to tell."""

    name: str
    role: str
    url: str
    facts: ServerFacts | None
    error: PenstockError | None
    milliseconds: int

    @property
    def ok(self) -> bool:
        return self.error is None


def listed(project: ProjectSettings) -> list[Connection]:
    return [_located(project, name) for name in project.tables]


def tested(project: ProjectSettings, names: Sequence[str]) -> list[Answer]:
    chosen = names or tuple(project.tables)
    for name in chosen:
        project.require_connection(name)
    return [_test(project, name) for name in chosen]


def _located(project: ProjectSettings, name: str) -> Connection:
    role = project.tables[name].role
    try:
        return Connection(name, role, _address(project, name))
    except PenstockError as error:
        return Connection(name, role, "", error)


def _address(project: ProjectSettings, name: str) -> str:
    if project.tables[name].role == "lake":
        return project.lake(name).settings.describe()
    return project.located(name).settings.describe()


def _test(project: ProjectSettings, name: str) -> Answer:
    since = time.monotonic()
    found = _located(project, name)
    facts, error = None, found.error
    if error is None:
        try:
            if found.role == "lake":
                reach(project.lake(name).settings)
            else:
                facts = _facts(project, name)
        except PenstockError as caught:
            error = caught
    return Answer(name, found.role, found.url, facts, error, round(1000 * (time.monotonic() - since)))


def _facts(project: ProjectSettings, name: str) -> ServerFacts:
    settings = project.connection(name)
    with Session.open(settings, read_only=True, application_name="penstock conn test") as session:
        return server_facts(session)
