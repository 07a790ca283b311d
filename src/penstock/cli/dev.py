"""`penstock dev`: plan, create, refresh, add to, verify, explain, list and drop development databases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.cli import dev_text
from penstock.cli.options import json_option, open_project
from penstock.cli.output import emit, emit_json, progress, talk
from penstock.errors import UsageError

if TYPE_CHECKING:
    from penstock.devdb.plan import Plan

_PLAN = click.option("--plan", "plan_file", type=click.Path(path_type=Path, dir_okay=False),
                     help="Use the rules of a saved plan; refuse when the counts have drifted.")  # fmt: skip
_YES = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def command() -> None:
    """Masked, complete development databases from a production one.

    \b
    penstock dev plan small      what would be copied, exactly; writes nothing
    penstock dev create small    copy, mask, verify, publish
    """


@command.command()
@click.argument("name")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan as JSON.")
@json_option
def plan(name: str, save: Path | None, as_json: bool) -> int:
    """Exact rows per table, masks per column, warnings and refusals. Writes nothing to any database.

    Exits with 4 when `create` would refuse.
    """
    with progress() as shown:
        made = open_project().plan_dev(name, progress=shown)
    if save is not None:
        made.save(save)
        talk(f"saved: {save}")
    emit_json(made.as_dict()) if as_json else emit(dev_text.plan(made))
    return 4 if made.refusals else 0


@command.command()
@click.argument("name")
@_PLAN
@json_option
def create(name: str, plan_file: Path | None, as_json: bool) -> None:
    """Copy, mask, verify, and only then publish under its name."""
    _build(name, plan_file, "created", as_json=as_json)


@command.command()
@click.argument("name")
@_PLAN
@json_option
def refresh(name: str, plan_file: Path | None, as_json: bool) -> None:
    """Read production again: build beside the old database, verify, swap."""
    _build(name, plan_file, "refreshed", as_json=as_json)


@command.command()
@click.argument("name")
@click.option("--root", "roots", multiple=True, required=True, metavar="TABLE:WHERE",
              help="Rows to add, with everything they need. May be repeated.")  # fmt: skip
@json_option
def add(name: str, roots: tuple[str, ...], as_json: bool) -> None:
    """Top up an existing copy with fresh rows, for debugging today's problem.

    \b
    penstock dev add small --root "public.orders:order_id = 4711"
    """
    with progress() as shown:
        added = open_project().add_dev(name, list(roots), progress=shown)
    emit_json(added.as_dict()) if as_json else emit(dev_text.added(added))


@command.command()
@click.argument("name")
@json_option
def verify(name: str, as_json: bool) -> int:
    """Verify an existing copy: keys, constraints, counts, and that nothing of the source survives. Exits with 1 if not."""
    with progress() as shown:
        found = open_project().verify_dev(name, progress=shown)
    if as_json:
        emit_json({"name": found.name, "database": found.database, **found.verification.as_dict()})
    else:
        emit(dev_text.verification(found.verification, found.database))
    return 0 if found.verification.passed else 1


@command.command()
@click.argument("name")
@click.argument("table")
@click.argument("key")
@json_option
def why(name: str, table: str, key: str, as_json: bool) -> int:
    """The path by which a row comes into the subset of today's source, and whether the copy has it. KEY is its primary key,
    as in the source or as masked. Exits with 1 where either does not hold."""
    with progress() as shown:
        found = open_project().why_dev(name, table, key, progress=shown)
    emit_json(found.as_dict()) if as_json else emit(dev_text.why(found))
    return 0 if found.explained else 1


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """The development databases of this project and what became of them."""
    found = open_project().list_dev()
    emit_json({"databases": found}) if as_json else dev_text.listing(found)


@command.command()
@click.argument("name")
@_YES
def drop(name: str, yes: bool) -> None:
    """Remove a development database. Asks first; refuses one that Penstock did not make."""
    project = open_project()
    database = project.settings.section("devdb", name).database or name
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                f"dropping {database} needs --yes where nobody can be asked",
                hint=f"penstock dev drop {name} --yes",
            )
        click.confirm(f"Drop the database {database}?", abort=True, err=True)
    with progress() as shown:
        project.drop_dev(name, progress=shown)
    talk(f"dropped: {database}")


@command.command()
@click.argument("connection", metavar="CONN")
@click.option(
    "--confirm", required=True, metavar="DATABASE", help="The name of the connection's database, once more."
)
@click.option("--as", "as_name", metavar="NAME",
              help="Take empty, skip, keep, real, edges and acknowledged from [devdb.NAME].")  # fmt: skip
@click.option("--vacuum", type=click.Choice(["full", "analyze"]), default="full", show_default=True,
              help="New files for tables that no mask rewrites too, or statistics only.")  # fmt: skip
@click.option("--end-sessions", is_flag=True, help="End the other sessions of the database.")
@click.option("--drop-large-objects", is_flag=True, help="Drop them: no mask reads them.")
@click.option(
    "--start-over", is_flag=True, help="Of one that was begun: mask the originals again, by other rules."
)
@json_option
def scrub(connection: str, as_json: bool, **options: Any) -> None:
    """Mask a copy in place that already holds the real values, such as a restored storage snapshot.

    \b
    penstock dev scrub clone --confirm shop

    CONN is a connection with the role target. The database is closed until all is masked and proven; killed half-way,
    the same command goes on.
    """
    with progress() as shown:
        done = open_project().scrub_dev(connection, progress=shown, **options)
    emit_json(done.as_dict()) if as_json else emit(dev_text.scrubbed(done))


def _build(name: str, plan_file: Path | None, verb: str, *, as_json: bool) -> None:
    saved = _saved(plan_file)
    project = open_project()
    build = project.refresh_dev if verb == "refreshed" else project.create_dev
    with progress() as shown:
        made = build(name, plan=saved, progress=shown)
    emit_json(dev_text.created_as_dict(made)) if as_json else emit(dev_text.created(made, verb))


def _saved(path: Path | None) -> Plan | None:
    if path is None:
        return None
    from penstock.devdb.plan import Plan

    return Plan.load(path)
