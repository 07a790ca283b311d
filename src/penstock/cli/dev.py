"""`penstock dev`: plan, create (also as files, templates and copies of them), refresh, add to, verify, explain, scrub, list and
drop development databases. The rest of their life is in `dev_lifecycle`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.cli import dev_lifecycle, dev_text
from penstock.cli.options import json_option, open_project
from penstock.cli.output import emit, emit_json, progress, talk
from penstock.errors import UsageError

if TYPE_CHECKING:
    from penstock.devdb.files.export import Format
    from penstock.devdb.labour import Vacuum
    from penstock.devdb.planning.plan import Plan

_PLAN = click.option("--plan", "plan_file", type=click.Path(path_type=Path, dir_okay=False),
                     help="Use the rules of a saved plan; refuse when the counts have drifted.")  # fmt: skip
_JOBS = click.option("--jobs", type=click.IntRange(1, 64), metavar="N",
                     help="Workers on a clone or a prune (default: by size, cores and free connections).")  # fmt: skip
_VACUUM = click.option("--vacuum", type=click.Choice(["none", "analyze", "full"]),
                       help="Vacuum the tables of a clone (default: none; it has statistics in any case), or those a prune "
                       "deleted from (default: full, as compact as loaded anew; none: without statistics too).")  # fmt: skip
_PLANNED_VACUUM = click.option("--vacuum", type=click.Choice(["none", "analyze", "full"]),
                               help="Of a prune: how `create` will be told to vacuum, by which each table's cheapest way is "
                               "chosen (default: full).")  # fmt: skip
_DATABASE = dev_lifecycle.DATABASE
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
@_PLANNED_VACUUM
@json_option
def plan(name: str, save: Path | None, vacuum: Vacuum | None, as_json: bool) -> int:
    """Rows per table (exact; a clone's are estimates), masks per column, warnings and refusals. Writes nothing.

    Exits with 4 when production or the rules would make `create` refuse. The target is not looked at, but
    for the database a prune starts from (`from_database`).
    """
    with progress() as shown:
        made = open_project().plan_dev(name, vacuum=vacuum, progress=shown)
    if save is not None:
        made.save(save)
        talk(f"saved: {save}")
    emit_json(made.as_dict()) if as_json else emit(dev_text.plan(made))
    return 4 if made.refusals else 0


@command.command()
@click.argument("name")
@_PLAN
@click.option(
    "--template", is_flag=True, help="Keep it as a template to be copied; nobody can connect to that."
)
@click.option("--from-template", is_flag=True, help="Copy the template: seconds, and production is not read.")
@_DATABASE
@click.option(
    "--to",
    metavar="DESTINATION",
    help="Files instead of a database: a folder, s3://bucket/prefix, or a lake's name.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["parquet", "sql", "sql.gz", "sql.zst"]),
    help="What --to writes (default: parquet).",
)
@click.option("--replace", is_flag=True, help="With --to: over the data set that is there.")
@_JOBS
@_VACUUM
@json_option
def create(
    name: str,
    plan_file: Path | None,
    database: str | None,
    *,
    to: str | None,
    format_: Format | None,
    replace: bool,
    jobs: int | None,
    vacuum: Vacuum | None,
    template: bool,
    from_template: bool,
    as_json: bool,
) -> None:
    """Copy, mask, verify, and only then publish under its name.

    \b
    penstock dev create small                                          from production
    penstock dev create small --template                               from production, as a template
    penstock dev create --from-template small --database shop_dev_ann  a developer's own, from that
    penstock dev create small --to ./shared/small              Parquet, a folder per table
    penstock dev create small --to s3://team/small --format sql.gz
    """
    if to is not None:
        if template or from_template or database is not None:
            raise UsageError(
                "--to writes files: nothing of templates goes with it",
                hint=f"penstock dev create {name} --to {to}",
            )
        _export(name, plan_file, to, format_, jobs, vacuum, replace=replace, as_json=as_json)
        return
    if format_ or replace:
        raise UsageError(
            "--format and --replace are for files", hint=f"penstock dev create {name} --to FOLDER"
        )
    if from_template:
        if template or plan_file is not None or jobs is not None or vacuum is not None:
            raise UsageError(
                "--from-template copies what is there: --template, --plan, --jobs and --vacuum do not go with it",
                hint=f"penstock dev create --from-template {name}",
            )
        dev_lifecycle.copy(name, database, as_json=as_json)
        return
    if database is not None:
        raise UsageError(
            "--database names a copy of the template",
            hint=f"penstock dev create --from-template {name} --database {database}",
        )
    _build(name, plan_file, "created", jobs, vacuum, as_json=as_json, template=template)


@command.command()
@click.argument("name")
@_PLAN
@click.option(
    "--template", is_flag=True, help="The template instead, made where there is none; copies of it stay."
)
@_JOBS
@_VACUUM
@json_option
def refresh(
    name: str,
    plan_file: Path | None,
    *,
    jobs: int | None,
    vacuum: Vacuum | None,
    template: bool,
    as_json: bool,
) -> None:
    """Read production again: build beside the old database, verify, swap."""
    _build(name, plan_file, "refreshed", jobs, vacuum, as_json=as_json, template=template)


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
@click.option("--drift", is_flag=True, help="Ask production how many things of its schema are different now.")
@json_option
def list_(*, drift: bool, as_json: bool) -> None:
    """The development databases of this project, templates and their copies included, and what became of them."""
    found = open_project().list_dev(drift=drift)
    emit_json({"databases": found}) if as_json else dev_text.listing(found, drift=drift)


@command.command()
@click.argument("name", required=False)
@_DATABASE
@click.option("--template", is_flag=True, help="The template; copies of it stay.")
@click.option(
    "--expired", is_flag=True, help="All that have outlived their `ttl` (of NAME, or of the project)."
)
@_YES
def drop(name: str | None, database: str | None, *, template: bool, expired: bool, yes: bool) -> int:
    """Remove a development database. Asks first; refuses one that Penstock did not make."""
    project = open_project()
    if template + expired + (database is not None) > 1:
        raise UsageError("--database, --template and --expired exclude each other", hint="give one of them")
    if expired:
        sections = [name] if name else []
        found = None if yes else [item.database for item in project.expired_dev(*sections)]
        if found:
            what = f"the database{'s' if len(found) > 1 else ''} {' and '.join(found)}"
            _ask_to_drop(what, [*sections, "--expired"], yes=yes)
        return dev_lifecycle.drop_expired(project, sections, found)
    if name is None:
        raise UsageError("which one?", hint="penstock dev drop NAME, or --expired")
    if template:
        _ask_to_drop(f"the template of {name}", [name, "--template"], yes=yes)
        with progress() as shown:
            target = project.drop_template_dev(name, progress=shown)
    else:
        target = database or project.database_dev(name)
        _ask_to_drop(
            f"the database {target}", [name, *(["--database", database] if database else [])], yes=yes
        )
        with progress() as shown:
            project.drop_dev(name, database=target, progress=shown)
    talk(f"dropped: {target}")
    return 0


def _ask_to_drop(what: str, arguments: list[str], *, yes: bool) -> None:
    if not yes:
        again = shlex.join(["penstock", "dev", "drop", *arguments, "--yes"])
        _ask(f"Drop {what}?", f"dropping {what} needs --yes where nobody can be asked", again)


@command.command()
@click.argument("connection", metavar="CONN")
@click.option(
    "--confirm", required=True, metavar="DATABASE", help="The name of the connection's database, once more."
)
@click.option("--for", "rules_of", metavar="NAME",
              help="Take empty, skip, keep, real, edges, acknowledged, unclassified, disarm from [devdb.NAME].")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N",
              help="Workers (default: by size, cores and free connections).")  # fmt: skip
@click.option("--vacuum", type=click.Choice(["none", "analyze", "full"]), default="full", show_default=True,
              help="Afterwards: new files for the tables that no mask rewrote, a VACUUM of all tables, or none. "
              "Statistics are gathered in any case.")  # fmt: skip
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


def _ask(question: str, unasked: str, hint: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError(unasked, hint=hint)
    click.confirm(question, abort=True, err=True)


def _build(
    name: str,
    plan_file: Path | None,
    verb: str,
    jobs: int | None,
    vacuum: Vacuum | None,
    *,
    as_json: bool,
    template: bool,
) -> None:
    saved = _saved(plan_file)
    project = open_project()
    with progress() as shown:
        if template:
            made = project.template_dev(
                name, plan=saved, replace=verb == "refreshed", jobs=jobs, vacuum=vacuum, progress=shown
            )
        else:
            build = project.refresh_dev if verb == "refreshed" else project.create_dev
            made = build(name, plan=saved, jobs=jobs, vacuum=vacuum, progress=shown)
    emit_json(dev_text.created_as_dict(made)) if as_json else emit(dev_text.created(made, verb))


def _export(
    name: str,
    plan_file: Path | None,
    to: str,
    format_: Format | None,
    jobs: int | None,
    vacuum: Vacuum | None,
    *,
    replace: bool,
    as_json: bool,
) -> None:
    saved = _saved(plan_file)
    with progress() as shown:
        made = open_project().export_dev(
            name,
            to,
            format=format_ or "parquet",
            replace=replace,
            plan=saved,
            jobs=jobs,
            vacuum=vacuum,
            progress=shown,
        )
    emit_json(dev_text.exported_as_dict(made)) if as_json else emit(dev_text.exported(made))


def _saved(path: Path | None) -> Plan | None:
    if path is None:
        return None
    from penstock.devdb.planning.plan import Plan

    return Plan.load(path)


for _command in dev_lifecycle.COMMANDS:
    command.add_command(_command)
