"""`penstock conn`: list the connections, test them."""

from __future__ import annotations

import time

import click

from penstock.cli import output
from penstock.cli.options import open_project
from penstock.errors import PenstockError
from penstock.project.settings import ProjectSettings


@click.group("conn")
def command() -> None:
    """List and test the connections."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def list_(*, as_json: bool) -> None:
    """The connections of penstock.toml, without opening them."""
    project = open_project()
    rows = [_listed(project, name) for name in project.tables]
    if as_json:
        output.emit_json({"connections": rows})
        return
    output.table([[row["name"], row["role"], row["url"]] for row in rows], ["NAME", "ROLE", "URL"])
    output.talk("Next: penstock conn test")


@command.command("test")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def test(names: tuple[str, ...], *, as_json: bool) -> int:
    """Open connections (default: all) and say what answers. Exit code 3 when one does not."""
    project = open_project()
    chosen = names or tuple(project.tables)
    for name in chosen:
        project.require_connection(name)
    tested = [(name, *_test(project, name)) for name in chosen]
    if as_json:
        output.emit_json({"connections": [row for _, row, _ in tested]})
    else:
        for name, row, error in tested:
            _show(name, row, error)
    return max((error.exit_code for _, _, error in tested if error is not None), default=0)


def _listed(project: ProjectSettings, name: str) -> dict[str, str]:
    role = project.tables[name].role
    try:
        return {"name": name, "role": role, "url": project.located(name).settings.describe()}
    except PenstockError as error:
        return {"name": name, "role": role, "url": "", "error": error.what}


def _test(project: ProjectSettings, name: str) -> tuple[dict[str, object], PenstockError | None]:
    """What the server says about itself, or the error that kept it from saying it."""
    from penstock.engines.postgres.checks import server_facts
    from penstock.engines.postgres.session import Session

    row: dict[str, object] = {"name": name, "role": project.tables[name].role}
    since = time.monotonic()
    try:
        settings = project.connection(name)
        row["url"] = settings.describe()
        with Session.open(settings, read_only=True, application_name="penstock conn test") as session:
            facts = server_facts(session)
    except PenstockError as error:
        return row | {"ok": False, "error": error.as_dict()}, error
    return row | {
        "ok": True,
        "version": facts.version,
        "user": facts.role,
        "database": facts.database,
        "standby": facts.standby,
        "tls": facts.tls,
        "milliseconds": round(1000 * (time.monotonic() - since)),
    }, None


def _show(name: str, row: dict[str, object], error: PenstockError | None) -> None:
    if error is None:
        kind = "standby" if row["standby"] else "primary"
        tls = "TLS" if row["tls"] else "no TLS"
        ok = output.style("ok  ", fg="green")
        output.emit(
            f"{ok}  {name}  {row['url']}  PostgreSQL {row['version']}, {kind}, {tls}, {row['milliseconds']} ms"
        )
        return
    output.emit(
        f"{output.style('fail', fg='red')}  {name}  {error.what}" + (f": {error.why}" if error.why else "")
    )
    if error.hint:
        output.emit(f"      {output.style('hint:', fg='cyan')} {error.hint}")
