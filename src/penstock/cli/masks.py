"""`penstock masks`: the masks there are, and the decisions in masks.toml."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.options import json_option, open_project
from penstock.cli.output import emit, emit_json, style, table, talk

if TYPE_CHECKING:
    from penstock.api.masks import Preview
    from penstock.policy.decision import Policy

_ON = click.option("--on", metavar="NAME", help="The source connection, when there are several.")
_FOR = click.option(
    "--for",
    "devdb",
    metavar="DEVDB",
    help="With the rules of [devdb.DEVDB]: its skip, empty, edges, unclassified.",
)


@click.group("masks")
def command() -> None:
    """The masks there are, and the decisions in masks.toml.

    \b
    penstock masks check      the gate for CI: exit code 1 for anything undecided
    penstock masks preview    source shapes beside masked values
    """


@command.command("list")
@click.option("--columns", is_flag=True, help="The decision of every column instead (reads the catalog).")
@_ON
@_FOR
@json_option
def list_(on: str | None, devdb: str | None, *, columns: bool, as_json: bool) -> None:
    """The masks that can be named in masks.toml; with --columns, what happens to each column."""
    if columns:
        _list_columns(open_project().check_masks(on, devdb=devdb), as_json=as_json)
        return
    from penstock.api.project import Project

    found = Project.list_masks()
    if as_json:
        emit_json({"masks": found})
        return
    table([(m.name, m.summary, ", ".join(m.options)) for m in found], ["MASK", "WHAT IT WRITES", "OPTIONS"])


def _list_columns(policy: Policy, *, as_json: bool) -> None:
    rows = [
        {
            "schema": name.table.schema,
            "table": name.table.table,
            "column": name.column,
            "mask": decision.mask_name,
            "origin": str(decision.origin),
            "by": decision.by,
            "inherited_from": str(decision.inherited_from) if decision.inherited_from else "",
            "reason": decision.reason,
        }
        for name, decision in policy.decisions.items()
    ]
    if as_json:
        emit_json({"columns": rows, "undecided": [str(u.column) for u in policy.undecided]})
        return
    table(
        [
            (
                f"{r['schema']}.{r['table']}.{r['column']}",
                r["mask"],
                r["origin"],
                r["inherited_from"] or r["reason"],
            )
            for r in rows
        ],
        ["COLUMN", "MASK", "ORIGIN", "FROM"],
    )


@command.command("check")
@_ON
@_FOR
@json_option
def check(on: str | None, devdb: str | None, *, as_json: bool) -> int:
    """Refuse what is undecided, cannot stand or has no column: the gate for CI.

    Exits with 1 when not. Needs no key and reads no rows.
    """
    policy = open_project().check_masks(on, devdb=devdb)
    if as_json:
        emit_json(_check_as_dict(policy))
    else:
        _show_check(policy)
    return 0 if policy.is_clean else 1


def _check_as_dict(policy: Policy) -> dict[str, Any]:
    return {
        "ok": policy.is_clean,
        "columns": len(policy.decisions),
        "undecided": [
            {"column": str(u.column), "type": u.type_name, "reason": u.reason, "hint": u.hint}
            for u in policy.undecided
        ],
        "violations": [
            {
                "column": str(v.column),
                "constraint": v.constraint,
                "mask": v.mask,
                "problem": v.problem,
                "suggestion": v.suggestion,
            }
            for v in policy.violations
        ],
        "without_column": [str(line.column) for line in policy.stale],
        "notices": [str(n) for n in policy.notices],
    }


def _show_check(policy: Policy) -> None:
    if policy.undecided:
        table(
            [(u.column, u.reason, u.hint) for u in policy.undecided],
            ["UNDECIDED", "WHY", "A LINE THAT WOULD DO"],
        )
        emit()
    if policy.violations:
        rows = [(v.column, v.constraint, v.problem, v.suggestion) for v in policy.violations]
        table(rows, ["CANNOT STAND", "CONSTRAINT", "PROBLEM", "WOULD DO"])
        emit()
    if policy.stale:
        table([(line.column, line.mask) for line in policy.stale], ["LINE WITHOUT A COLUMN", "MASK"])
        emit()
    for notice in policy.notices:
        talk(f"note: {notice}")
    verdict = style("ok", fg="green") if policy.is_clean else style("not ok", fg="red")
    emit(
        f"{verdict}: {len(policy.decisions)} columns decided, {len(policy.undecided)} undecided, "
        f"{len(policy.violations)} cannot stand, {len(policy.stale)} lines without a column"
    )


@command.command("preview")
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--rows", default=3, show_default=True, type=click.IntRange(1, 100), help="Rows per table.")
@_ON
@_FOR
@json_option
def preview(tables: tuple[str, ...], rows: int, on: str | None, devdb: str | None, *, as_json: bool) -> None:
    """Source *shapes* beside masked values, for a few rows of each table (default: all tables).

    No source value is shown: letters are A and a, digits 9.
    """
    found = open_project().preview_masks(*tables, rows=rows, connection=on, devdb=devdb)
    if as_json:
        columns = [{"column": str(p.column), "mask": p.mask, "samples": p.samples} for p in found.columns]
        emit_json({"columns": columns})
    else:
        _show_preview(found)


def _show_preview(found: Preview) -> None:
    shown = [
        (p.column if i == 0 else "", p.mask if i == 0 else "", _text(s.source_shape), _text(s.masked))
        for p in found.columns
        for i, s in enumerate(p.samples)
    ]
    table(shown, ["COLUMN", "MASK", "SOURCE SHAPE", "MASKED"])
    for violation in found.violations:
        talk(f"note: {violation}")


def _text(value: str | None) -> str:
    return "NULL" if value is None else value.replace("\n", "⏎").replace("\t", "⇥")


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every column, an empty action where none is decided (reads the catalog).",
)
@_ON
def export(file: Path, on: str | None, *, everything: bool) -> None:
    """masks.toml as CSV: schema_name, table_name, column_name, scrubbing_action. `-` is stdout."""
    text = open_project().export_masks(on, everything=everything)
    if str(file) == "-":
        sys.stdout.write(text)
        return
    from penstock.policy import registry_edit

    registry_edit.write(file, text)
    talk(f"wrote {file}")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Say what would change, write nothing.")
@json_option
def import_(file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Take decisions from a CSV file into masks.toml. Lines that say the same stay as they are."""
    text, origin = (sys.stdin.read(), "the CSV") if str(file) == "-" else (file.read_text("utf-8"), file.name)
    project = open_project()
    found = project.import_masks(text, origin=origin, write=not dry_run)
    if as_json:
        emit_json(found)
        return
    same = found.read - found.added - found.changed
    talk(f"{found.read} actions read: {found.added} added, {found.changed} changed, {same} as before")
    if found.written:
        talk(f"wrote {project.settings.masks_path}")
