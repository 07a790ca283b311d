"""`penstock config`: the settings in force, and the schema editors use."""

from __future__ import annotations

import json

import click

from penstock.cli import output
from penstock.cli.options import json_option, open_project


@click.group("config")
def command() -> None:
    """Show the settings in force and where each comes from."""


@command.command("show")
@click.option("--origin", is_flag=True, help="Also where each setting comes from.")
@json_option
def show(*, origin: bool, as_json: bool) -> None:
    """Every setting in force; passwords and the key as asterisks."""
    project = open_project()
    found = project.config()
    if as_json:
        output.emit_json({"file": project.settings.path, "settings": found})
        return
    rows = [(item.key, "" if item.value is None else _text(item.value), item.origin) for item in found]
    if origin:
        output.table(rows, ["SETTING", "VALUE", "ORIGIN"])
    else:
        output.table([row[:2] for row in rows], ["SETTING", "VALUE"])


@command.command("schema")
def schema() -> None:
    """The JSON Schema of penstock.toml, for editors."""
    from penstock.api.project import Project

    output.emit_json(Project.schema())


def _text(value: object) -> str:
    """A value as TOML would have it, near enough to read."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return json.dumps(output.plain(value), ensure_ascii=False)
    return str(value)
