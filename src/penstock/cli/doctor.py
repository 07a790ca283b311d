"""`penstock doctor`: every check of the project, its secrets and its connections, each with the fix to paste."""

from __future__ import annotations

import click

from penstock.cli import output, sections
from penstock.cli.options import common
from penstock.errors import PenstockError
from penstock.project import settings
from penstock.project.checks import CheckResult, from_error, local_checks
from penstock.project.settings import ProjectSettings

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "blue"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--offline", is_flag=True, help="Only what needs no database.")
def command(*, as_json: bool, offline: bool) -> int:
    """Check the project, its secrets and its connections.

    Exit code 1 when a check fails, 4 when a secret lies open (no connection is opened then).
    """
    sections.register()
    results, project = local_checks(
        common.project, lambda: settings.load(common.project, flags=common.overrides, guarded=False)
    )
    exposed = any(result.exposes for result in results)
    if project is not None:
        if exposed or offline:
            reason = "a secret lies open" if exposed else "--offline"
            results += [
                CheckResult("connection", "skip", f"not opened: {reason}", connection=name)
                for name in project.tables
            ]
        else:
            results += _database_checks(project)
    _print(results, as_json=as_json)
    if exposed:
        return 4
    return 1 if any(result.outcome == "fail" for result in results) else 0


def _database_checks(project: ProjectSettings) -> list[CheckResult]:
    from penstock.engines.postgres import checks

    results: list[CheckResult] = []
    facts: dict[str, checks.ServerFacts] = {}
    for name in project.tables:
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


def _print(results: list[CheckResult], *, as_json: bool) -> None:
    counts = {outcome: sum(result.outcome == outcome for result in results) for outcome in _COLORS}
    if as_json:
        checks = [
            {
                "check": result.check,
                "connection": result.connection or None,
                "outcome": result.outcome,
                "what": result.what,
                "fix": result.fix or None,
            }
            for result in results
        ]
        output.emit_json({"checks": checks, "counts": counts})
        return
    for result in results:
        outcome = output.style(f"{result.outcome:4}", fg=_COLORS[result.outcome])
        where = f"{result.connection}: " if result.connection else ""
        output.emit(f"{outcome}  {where}{result.check}: {result.what}")
        if result.fix and result.outcome != "ok":
            output.emit(f"      {output.style('fix:', fg='cyan')} {result.fix}")
    output.emit(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
