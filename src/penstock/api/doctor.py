"""Every check of a project, its secrets and its connections, each with the fix to paste. Works on a broken project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from penstock.engines.postgres import checks
from penstock.errors import PenstockError
from penstock.lake.places import reach
from penstock.project import settings
from penstock.project.checks import CheckResult, from_error, local_checks
from penstock.project.settings import ProjectSettings


def doctor(
    path: str | Path | None = None, *, offline: bool = False, overrides: Mapping[str, str] | None = None
) -> list[CheckResult]:
    """The checks of the project in `path`, found as `Project.load` does. What is wrong is a result, never an error.

    No connection is opened when `offline`, nor when a secret lies open (a result that `exposes`).
    """
    place = Path(path) if path is not None else None
    results, project = local_checks(place, lambda: settings.load(place, flags=overrides, guarded=False))
    if project is None:
        return results
    exposed = any(result.exposes for result in results)
    if exposed or offline:
        reason = "a secret lies open" if exposed else "offline"
        return results + [
            CheckResult("connection", "skip", f"not opened: {reason}", connection=name)
            for name in project.tables
        ]
    return results + _database_checks(project)


def _database_checks(project: ProjectSettings) -> list[CheckResult]:
    results: list[CheckResult] = []
    facts: dict[str, checks.ServerFacts] = {}
    for name, table in project.tables.items():
        if table.role == "lake":
            results.append(_lake_check(project, name))
            continue
        try:
            connection = project.connection(name)
        except PenstockError as error:
            results.append(from_error("connection", error, name))
            continue
        found, answered = checks.check_connection(connection)
        results += found
        if answered is not None:
            facts[name] = answered
    pairs = _pairs(project)
    for source in sorted({source for source, _, _ in pairs} & facts.keys()):
        targets = [facts[target] for pair, target, _ in pairs if pair == source and target in facts]
        results.append(
            checks.client_tools(facts[source], min(targets, key=lambda t: t.major, default=None), source)
        )
    for source, target, databases in pairs:
        if source in facts and target in facts:
            results.append(checks.destination_is_not_source(facts[source], facts[target], databases, target))
    return results


def _lake_check(project: ProjectSettings, name: str) -> CheckResult:
    try:
        lake = project.lake(name).settings
        reach(lake)
    except PenstockError as error:
        return from_error("connection", error, name)
    return CheckResult("connection", "ok", f"{lake.describe()} can be looked at", connection=name)


def _pairs(project: ProjectSettings) -> list[tuple[str, str, tuple[str, ...]]]:
    """Which source goes to which target, and under which names: as the [devdb.NAME] say, else all pairs."""
    sources = [name for name, table in project.tables.items() if table.role == "source"]
    targets = [name for name, table in project.tables.items() if table.role == "target"]
    found: dict[tuple[str, str], list[str]] = {}
    for name, devdb in project.sections.get("devdb", {}).items():
        for source in [devdb.source] if devdb.source else sources:
            for target in [devdb.target] if devdb.target else targets:
                found.setdefault((source, target), []).append(devdb.database or name)
    if not found:
        found = {(source, target): [] for source in sources for target in targets}
    return [(source, target, tuple(names)) for (source, target), names in found.items()]
