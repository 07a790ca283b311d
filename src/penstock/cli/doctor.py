"""`penstock doctor`: every check of the project, its secrets and its connections, each with the fix to paste."""

from __future__ import annotations

import click

from penstock.cli import output
from penstock.cli.options import common, json_option

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "blue"}


@click.command("doctor")
@json_option
@click.option("--offline", is_flag=True, help="Only what needs no database.")
def command(*, as_json: bool, offline: bool) -> int:
    """Check the project, its secrets and its connections.

    Exit code 1 when a check fails, 4 when a secret lies open (no connection is opened then).
    """
    from penstock.api.doctor import doctor

    results = doctor(common.project, offline=offline, overrides=common.overrides)
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
    else:
        for result in results:
            outcome = output.style(f"{result.outcome:4}", fg=_COLORS[result.outcome])
            where = f"{result.connection}: " if result.connection else ""
            output.emit(f"{outcome}  {where}{result.check}: {result.what}")
            if result.fix and result.outcome != "ok":
                output.emit(f"      {output.style('fix:', fg='cyan')} {result.fix}")
        output.emit(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    if any(result.exposes for result in results):
        return 4
    return 1 if counts["fail"] else 0
