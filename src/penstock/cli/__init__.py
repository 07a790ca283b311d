"""The command line. Commands are modules of this package, imported when they are used.

`penstock --help` must answer at once, so this module imports click and nothing of the library; the one line of help
per command stands here. Errors are printed and turned into exit codes in `main`, nowhere else.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click

from penstock._version import __version__
from penstock.cli import options

COMMANDS = {
    "init": "Start a project: penstock.toml, .env with a fresh key, .gitignore lines.",
    "doctor": "Check the project, its secrets and its connections; each finding with the fix.",
    "demo": "A small shop with personal data, masked and subset, on an embedded PostgreSQL.",
    "config": "Show the settings in force and where each comes from.",
    "conn": "List and test the connections.",
    "discover": "Propose masks.toml from the catalog.",
    "masks": "List, check, preview, export and import the decisions in masks.toml.",
    "dev": "Plan, create, refresh and verify masked development databases.",
}


class LazyGroup(click.Group):
    """Lists the commands without importing them; suggests the nearest one for a typing error."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        importlib.import_module("penstock.cli.hooks").install()
        command: click.Command = importlib.import_module(f"penstock.cli.{cmd_name}").command
        options.add_common(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(name, COMMANDS, 1)
            raise click.UsageError(
                f"there is no command {name!r}." + (f" Did you mean {close[0]!r}?" if close else ""), ctx
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="penstock")
def cli() -> None:
    """Safe development databases from a production PostgreSQL: masked, referentially complete, proven so.

    \b
    Start with `penstock demo`, or with `penstock init` in your project's folder.
    Exit codes: 0 done, 1 a finding, 2 usage or configuration, 3 a database failed,
    4 refused by a guard, 130 interrupted.
    """


options.add_common(cli)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code. Nothing but this prints an error.

    A signal that asks it to end, or a terminal that goes away, is a Ctrl-C: what was begun is removed.
    From the first Ctrl-C's report on, more of them are not heard: they would cut it short, or end the process by the
    signal on its last steps, where Python listens no more.
    """
    chosen = list(sys.argv[1:] if arguments is None else arguments)
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, _interrupt)
    try:
        code = run(chosen, before_report=_hear_no_more_interrupts)
    except KeyboardInterrupt as error:  # the second, in the moment before
        code = _report(error, chosen, _hear_no_more_interrupts)
    _hear_no_more_interrupts()
    sys.exit(code)


def run(arguments: list[str], *, before_report: Callable[[], None] = lambda: None) -> int:
    """The exit code of a command line; errors have been printed."""
    try:
        result: Any = cli.main(arguments, prog_name="penstock", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001  the last place that may: it prints type and place, never values
        return _report(error, arguments, before_report)
    return result if isinstance(result, int) else 0


def _report(error: BaseException, arguments: list[str], before_report: Callable[[], None]) -> int:
    before_report()
    from penstock.cli import errors

    return errors.report(error, as_json="--json" in arguments)


_ENDING = (signal.SIGTERM, signal.SIGHUP)


def _interrupt(number: int, frame: object) -> None:  # noqa: ARG001
    """They come in twos and threes, from a shell and its terminal; only a second Ctrl-C cuts the removal short."""
    _ignore(*_ENDING)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job ignores it; it may have to come again
    raise KeyboardInterrupt


def _hear_no_more_interrupts() -> None:
    _ignore(signal.SIGINT, *_ENDING)


def _ignore(*numbers: signal.Signals) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
