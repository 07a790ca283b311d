"""`penstock conn`: list the connections, test them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.cli import output
from penstock.cli.options import json_option, open_project

if TYPE_CHECKING:
    from penstock.api.connections import Answer


@click.group("conn")
def command() -> None:
    """List and test the connections."""


@command.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """The connections of penstock.toml, without opening them."""
    found = open_project().list_connections()
    if as_json:
        rows = [
            {"name": item.name, "role": item.role, "url": item.url}
            | ({"error": item.error.what} if item.error else {})
            for item in found
        ]
        output.emit_json({"connections": rows})
        return
    output.table([[item.name, item.role, item.url] for item in found], ["NAME", "ROLE", "URL"])
    output.talk("Next: penstock conn test")


@command.command("test")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def test(names: tuple[str, ...], *, as_json: bool) -> int:
    """Open connections (default: all) and say what answers. Exit code 3 when one does not."""
    answers = open_project().test_connections(*names)
    if as_json:
        output.emit_json({"connections": [_as_dict(answer) for answer in answers]})
    else:
        for answer in answers:
            _show(answer)
    return max((answer.error.exit_code for answer in answers if answer.error is not None), default=0)


def _as_dict(answer: Answer) -> dict[str, Any]:
    row = {"name": answer.name, "role": answer.role, "url": answer.url, "ok": answer.ok}
    if answer.error is not None:
        return row | {"error": answer.error.as_dict()}
    facts = answer.facts
    return (
        row | {"milliseconds": answer.milliseconds}
        if facts is None
        else row
        | {
            "version": facts.version,
            "user": facts.role,
            "database": facts.database,
            "standby": facts.standby,
            "tls": facts.tls,
            "milliseconds": answer.milliseconds,
        }
    )


def _show(answer: Answer) -> None:
    facts, error = answer.facts, answer.error
    if facts is not None:
        kind = "standby" if facts.standby else "primary"
        tls = "TLS" if facts.tls else "no TLS"
        ok = output.style("ok  ", fg="green")
        output.emit(
            f"{ok}  {answer.name}  {answer.url}  PostgreSQL {facts.version}, {kind}, {tls}, "
            f"{answer.milliseconds} ms"
        )
    elif answer.ok:
        ok = output.style("ok  ", fg="green")
        output.emit(f"{ok}  {answer.name}  {answer.url}  {answer.milliseconds} ms")
    if error is not None:
        why = f": {error.why}" if error.why else ""
        output.emit(f"{output.style('fail', fg='red')}  {answer.name}  {error.what}{why}")
        if error.hint:
            output.emit(f"      {output.style('hint:', fg='cyan')} {error.hint}")
