"""The end of a command that failed: what, why, hint and code on stderr (one JSON object on stdout with `--json`).

An error Penstock did not foresee may hold anything in its text, row values and secrets too. So its text is never
printed: only its type and the place in the code, and with `-vv` the places on the way there.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from penstock.cli import output
from penstock.cli.options import common
from penstock.errors import Interrupted, PenstockError, UsageError, remains

_PACKAGE = Path(__file__).resolve().parents[1]
_TRACE_LEVEL = 2
# A group without its command: the text is its help. Before 8.2 click prints it itself.
_HELP_WANTED: tuple[type[click.ClickException], ...] = (
    (click.exceptions.NoArgsIsHelpError,) if hasattr(click.exceptions, "NoArgsIsHelpError") else ()
)


def report(error: BaseException, *, as_json: bool) -> int:
    """Print an error and return the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 2
    if isinstance(error, BrokenPipeError):
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or the interpreter complains at its end
        return 0
    if isinstance(error, _HELP_WANTED):
        output.talk(error.format_message(), level=-1)
        return error.exit_code
    fields = describe(error)
    fields["hint"] = "; ".join(filter(None, (fields["hint"], *remains(error))))
    if as_json:
        output.emit_json({"error": fields})
    else:
        _print(fields)
    if common.verbosity >= _TRACE_LEVEL or os.environ.get("PENSTOCK_TRACE"):
        output.talk("\n".join(places(error)), level=-1)
    return int(fields["exit_code"])


def describe(error: BaseException) -> dict[str, Any]:
    """The error as `--json` prints it: code, what, why, hint, exit_code."""
    if isinstance(error, PenstockError):
        return dict(error.as_dict())
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return dict(Interrupted("interrupted").as_dict())
    if isinstance(error, click.ClickException):
        hint = ""
        if isinstance(error, click.UsageError) and error.ctx is not None:
            hint = f"{error.ctx.command_path} --help"
        return dict(UsageError(error.format_message(), hint=hint).as_dict())
    return dict(
        PenstockError(
            f"an error Penstock did not foresee: {type(error).__name__}",
            why=f"in {place(error)} (its text is not shown: it may hold data)",
            hint="run it again with -vv and report the places it prints",
        ).as_dict()
    )


def place(error: BaseException) -> str:
    """File, line and function of the innermost frame that is ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    return _name(ours[-1]) if ours else _name(frames[-1]) if frames else "an unknown place"


def places(error: BaseException) -> list[str]:
    """The way through the code to the error and to what caused it: places and types, no texts."""
    found: list[str] = []
    step: BaseException | None = error
    while step is not None:
        found.append(f"{type(step).__module__}.{type(step).__qualname__} at")
        found += [f"  {_name(frame)}" for frame in traceback.extract_tb(step.__traceback__)]
        step = step.__cause__ or step.__context__
    return found


def _name(frame: traceback.FrameSummary) -> str:
    path = Path(frame.filename)
    shown = path.relative_to(_PACKAGE.parent) if path.is_relative_to(_PACKAGE) else Path(*path.parts[-2:])
    return f"{shown}:{frame.lineno} in {frame.name}"


def _print(fields: dict[str, Any]) -> None:
    err = sys.stderr
    lines = [output.style("error: ", err, fg="red", bold=True) + f"{fields['what']} [{fields['code']}]"]
    if fields["why"]:
        lines.append(f"  why:  {fields['why']}")
    if fields["hint"]:
        lines.append(output.style("  hint: ", err, fg="cyan") + str(fields["hint"]))
    output.talk("\n".join(lines), level=-1)
