"""Writes what of docs/ follows from the code: commands, masks, errors. With `--check` only says if it is current."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path

import click

from penstock import errors
from penstock.catalog.types import Family
from penstock.cli import COMMANDS, cli
from penstock.masks import registry
from penstock.masks.build import BY_FAMILY
from penstock.masks.contract import Mask

FOLDER = Path(__file__).resolve().parent.parent / "docs"
NOTE = "<!-- Written by `make docs` from the code. -->\n"


def commands() -> str:
    """`penstock` itself, then every command and subcommand, with what `--help` says."""
    common = "Every command also takes the options of `penstock` itself, anywhere on the line.\n"
    parts = [NOTE, "# Commands\n", common, "## `penstock`\n", _help(cli, "penstock")]
    for name in COMMANDS:
        parts += _command(importlib.import_module(f"penstock.cli.{name}").command, f"penstock {name}", 2)
    return "\n".join(parts)


def _command(command: click.Command, path: str, depth: int) -> Iterator[str]:
    yield f"{'#' * depth} `{path}`\n"
    yield _help(command, path)
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _command(command.commands[name], f"{path} {name}", depth + 1)


def _help(command: click.Command, path: str) -> str:
    with click.Context(command, info_name=path, terminal_width=100) as context:
        return f"```\n{command.get_help(context).rstrip()}\n```\n"


def masks() -> str:
    """Every mask: what it makes, where it may stand, its options."""
    parts = [NOTE, "# Masks\n", "| mask | what it makes | types | of | makes |", "|---|---|---|---|---|"]
    for name, mask in registry.masks().items():
        before, after = (_cell(text) for text in mask.example)
        families = _families(mask)
        parts.append(f"| [`{name}`](#{name}) | {_cell(mask.summary)} | {families} | `{before}` | {after} |")
    parts.append("")
    for name, mask in registry.masks().items():
        parts.append(f"## {name}\n")
        parts.append(f"{inspect.getdoc(mask)}\n")
        parts += _options(mask)
    parts += _by_type()
    return "\n".join(parts)


def _families(mask: type[Mask]) -> str:
    if mask.families == frozenset(Family):
        return "every"
    return ", ".join(sorted(family.value for family in mask.families))


def _by_type() -> list[str]:
    """The table behind `unclassified = "mask"`."""
    lines = [
        "## Columns nobody decided about\n",
        "They refuse to leave; numbers, booleans, enums, times of events and surrogate keys pass unless their name",
        'speaks of a person. With `unclassified = "mask"` in `[devdb.NAME]` what refuses is masked by its type, arrays',
        "and composites part by part, by the same table; types not listed become NULL, or an empty value where the column",
        "is NOT NULL.\n",
        "| type | mask |",
        "|---|---|",
    ]
    return [*lines, *(f"| {family.value} | `{mask}` |" for family, mask in BY_FAMILY.items()), ""]


def _options(mask: type[Mask]) -> list[str]:
    known = fields(mask.Options)
    if not known:
        return []
    lines = ["| option | type | default |", "|---|---|---|"]
    for option in known:
        if option.default is not MISSING:
            default = f"`{option.default!r}`"
        elif option.default_factory is not MISSING:
            default = f"`{option.default_factory()!r}`"
        else:
            default = "required"
        lines.append(f"| `{option.name}` | `{_cell(str(option.type))}` | {_cell(default)} |")
    return [*lines, ""]


def error_codes() -> str:
    """Every error class under its code: when it is raised, and the exit code."""
    found = [
        item
        for item in vars(errors).values()
        if inspect.isclass(item) and issubclass(item, errors.PenstockError)
    ]
    parts = [
        NOTE,
        "# Errors\n",
        "Every error says what happened, why, and what to type next. No error holds a row value or a secret; what a",
        "database says about rows is dropped.\n",
        "| exit code | meaning |",
        "|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()),
        "",
    ]
    for item in sorted(found, key=lambda item: item.code):
        parts.append(f"## {item.code}\n")
        parts.append(f"`{item.__name__}`, exit code {item.exit_code}. {inspect.getdoc(item)}\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


EXIT_CODES = {
    0: "done",
    1: "a finding: drift, a failed check",
    2: "the command line or a file of the project is wrong",
    3: "a database or store failed",
    4: "refused by a guard; nothing was done",
    5: "(later) partial: a limit was reached, the result so far is saved",
    130: "interrupted; what was half-done is removed, or the message names what remains; a scrub goes on when it is run again",
}
PAGES = {"commands.md": commands, "masks.md": masks, "errors.md": error_codes}


def main() -> int:
    """Write the pages, or with `--check` compare them; the exit code says whether they were current."""
    stale = []
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote docs/{name}")
    if stale and "--check" in sys.argv:
        print(f"not current: {', '.join(stale)} in docs; run: make docs")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
