"""`penstock dev reset|drift|ci`, and copies of templates."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from penstock.cli import dev_lifecycle_text as text
from penstock.cli.options import json_option, open_project
from penstock.cli.output import emit, emit_json, progress, talk
from penstock.errors import UsageError

if TYPE_CHECKING:
    from datetime import timedelta

    from penstock.api.project import Project
    from penstock.devdb.lifecycle.reset import Reset, ResetOptions

DATABASE = click.option(
    "--database", metavar="NAME", help="A developer's own copy of the template, by its name."
)


def copy(name: str, database: str | None, *, as_json: bool) -> None:
    """`dev create --from-template`."""
    with progress() as shown:
        made = open_project().copy_dev(name, database=database, progress=shown)
    emit_json(made) if as_json else emit(text.copied(made))


def _duration(_: click.Context, parameter: click.Parameter, value: str | None) -> timedelta | None:
    from penstock.devdb.durations import parse_duration

    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise UsageError(str(error), hint=f"{parameter.opts[0]} 14d") from None


@click.command()
@click.argument("name", required=False)
@DATABASE
@click.option(
    "--keep-extra", is_flag=True, help="Carry over the tables, schemas, functions and grants of developers."
)
@click.option(
    "--grace",
    default="30s",
    show_default=True,
    callback=_duration,
    metavar="TIME",
    help="How long those who are connected are warned before.",
)
@click.option(
    "--rebuild-after",
    callback=_duration,
    metavar="TIME",
    help="Read production again where the template is older.  [default: the section's ttl]",
)
@click.option(
    "--due", is_flag=True, help="Only what its `schedule` says is due (of NAME, or of the project)."
)
@click.option(
    "--print-schedule",
    is_flag=True,
    help="A crontab line and systemd units that ask regularly; resets nothing.",
)
@click.option("--yes", is_flag=True, help="Do not ask: give up what developers made and is not carried over.")
@json_option
def reset(
    name: str | None,
    database: str | None,
    grace: timedelta,
    rebuild_after: timedelta | None,
    *,
    keep_extra: bool,
    due: bool,
    print_schedule: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Copy the finished template again, beside the database, and swap; without a template, read production.

    Those who are connected are listed, warned and disconnected at the swap. What developers made is listed first.
    """  # fmt: skip
    from penstock.devdb.lifecycle.reset import ResetOptions

    project = open_project()
    if print_schedule:
        program = shutil.which("penstock") or "penstock"
        emit(project.schedule_dev(_required(name), keep_extra=keep_extra, program=program).rstrip())
        return 0
    options = ResetOptions(keep_extra=keep_extra, discard_extra=yes, grace=grace, rebuild_after=rebuild_after)
    if not due:
        done = _reset(project, _required(name), database, options)
        emit_json(done) if as_json else emit(text.reset(done))
        return 0
    if database is not None:
        raise UsageError("--due resets every database that is due", hint="leave out --database")
    return _reset_due(project, name, options, as_json=as_json)


def _required(name: str | None) -> str:
    if name is None:
        raise UsageError("which one?", hint="penstock dev reset NAME, or --due")
    return name


def _reset(project: Project, name: str, database: str | None, options: ResetOptions) -> Reset:
    """Ask about what would be lost, where somebody can be asked."""
    if not options.discard_extra and sys.stdin.isatty():
        extras = project.extras_dev(name, database=database)
        losing = extras.lost if options.keep_extra else (*extras.listed, *extras.lost)
        if losing:
            talk("made by developers, and lost by the reset:")
            for item in losing:
                talk(f"  {item}")
            click.confirm("Reset all the same?", abort=True, err=True)
            options = replace(options, discard_extra=True)
    with progress() as shown:
        return project.reset_dev(name, database=database, options=options, progress=shown)


def _reset_due(project: Project, name: str | None, options: ResetOptions, *, as_json: bool) -> int:
    with progress() as shown:
        found = project.reset_due_dev(*([name] if name else []), options=options, progress=shown)
    if as_json:
        failed = [{"database": item.database, **item.error.as_dict()} for item in found.failed]
        emit_json({"reset": found.done, "failed": failed})
    else:
        emit(
            "\n".join(map(text.reset, found.done))
            or ("nothing was reset" if found.failed else "nothing is due")
        )
    return found.exit_code


def drop_expired(project: Project, names: list[str], agreed: list[str] | None) -> int:
    """`dev drop --expired`: of those somebody agreed to, or all."""
    with progress() as shown:
        found = project.drop_expired_dev(*names, of=agreed, progress=shown)
    for database in found.done:
        talk(f"dropped: {database}")
    if not (found.done or found.failed):
        talk("nothing has expired")
    return found.exit_code


@click.command()
@click.argument("name")
@DATABASE
@json_option
def drift(name: str, database: str | None, *, as_json: bool) -> int:
    """What of production's schema has changed since the copy was made, and what that asks of masks.toml.

    Of the template, where the section has no database but that and copies of it. Exits with 1 where anything has changed.
    """
    found = open_project().drift_dev(name, database=database)
    emit_json(found.as_dict()) if as_json else emit(text.drift(found))
    return 1 if found.drifted else 0


@click.command()
@click.argument("name")
@click.option(
    "--on", required=True, type=click.Choice(["github", "gitlab", "jenkins"]), help="Whose pipeline."
)
@click.option(
    "--write", is_flag=True, help="Into its file below the working directory, which must not exist."
)
@json_option
def ci(name: str, on: str, *, write: bool, as_json: bool) -> None:
    """Print a pipeline: checks masks and drift, resets on schedule, a database per change, drops what has expired."""
    made = open_project().pipeline_dev(name, on)
    if write:
        path = Path(made.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(made.text)
        except FileExistsError:
            raise UsageError(
                f"{path} exists already", hint="compare it with what is printed without --write"
            ) from None
        talk(f"wrote {path}")
    talk("secrets it needs: " + ", ".join(made.secrets))
    if as_json:
        emit_json(made)
    elif not write:
        emit(made.text.rstrip())


COMMANDS: list[click.Command] = [reset, drift, ci]
