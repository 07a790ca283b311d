"""The options every command takes, wherever on the line they stand, and their values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from penstock.api.project import Project


@dataclass(slots=True)
class Common:
    """What the common options were set to. One per process: a command line is one command."""

    verbosity: int = 0
    color: str = "auto"
    project: Path | None = None
    overrides: dict[str, str] = field(default_factory=dict)


common = Common()

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
"""For the commands whose result has a documented JSON form (docs/json.md)."""


def add_common(command: click.Command) -> None:
    """Give a command, and all its subcommands, the common options (once; its own of the same name win)."""
    taken = {name for parameter in command.params for name in parameter.opts}
    for option in _options():
        if not taken & set(option.opts):
            command.params.append(option)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            add_common(inner)


def open_project() -> Project:
    """The project the common options name."""
    from penstock.api.project import Project

    return Project.load(common.project, overrides=common.overrides)


def _options() -> list[click.Option]:
    def option(*names: str, callback: Any, **kwargs: Any) -> click.Option:
        return click.Option(names, callback=callback, expose_value=False, **kwargs)

    return [
        option("-C", "--project", metavar="PATH", help="The project's folder or file.", callback=_project),
        option("--set", "set_", metavar="KEY=VALUE", multiple=True, callback=_set,
               help="Override one setting, such as connections.prod.host=replica2."),
        option("-q", "--quiet", is_flag=True, callback=_quiet, help="Only results and errors."),
        option("-v", "--verbose", count=True, callback=_verbose, help="More talk; -vv adds where an error arose."),
        option("--color", type=click.Choice(["auto", "always", "never"]), callback=_color, help="Default: auto."),
    ]  # fmt: skip


def _project(_: click.Context, __: click.Parameter, value: str | None) -> None:
    if value is not None:
        common.project = Path(value)


def _set(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> None:
    for item in value:
        key, equals, text = item.partition("=")
        if not equals or not key:
            raise click.UsageError("--set takes KEY=VALUE, such as --set connections.prod.host=replica2")
        common.overrides[key.strip()] = text


def _quiet(_: click.Context, __: click.Parameter, value: bool) -> None:
    if value:
        common.verbosity = -1


def _verbose(_: click.Context, __: click.Parameter, value: int) -> None:
    common.verbosity += value


def _color(_: click.Context, __: click.Parameter, value: str | None) -> None:
    if value is not None:
        common.color = value
