"""`penstock masks`: the masks there are, and the decisions in masks.toml."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.options import open_project
from penstock.cli.output import emit, emit_json, style, table, talk

if TYPE_CHECKING:
    from penstock.api.source import SourceView
    from penstock.policy.decision import Policy
    from penstock.policy.registry_file import Line

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
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
@_JSON
def list_(on: str | None, devdb: str | None, *, columns: bool, as_json: bool) -> None:
    """The masks that can be named in masks.toml; with --columns, what happens to each column."""
    if columns:
        _list_columns(on, devdb, as_json=as_json)
        return
    from penstock.masks.registry import masks
    from penstock.policy.reference import described

    found = [described(mask) for mask in masks().values()]
    if as_json:
        emit_json({"masks": found})
        return
    table(
        [(m["name"], m["summary"], ", ".join(m["options"])) for m in found],
        ["MASK", "WHAT IT WRITES", "OPTIONS"],
    )


def _list_columns(on: str | None, devdb: str | None, *, as_json: bool) -> None:
    with _opened(on, "masks list") as source:
        policy = _policy(source, devdb)
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
@_JSON
def check(on: str | None, devdb: str | None, *, as_json: bool) -> int:
    """Refuse what is undecided, cannot stand or has no column: the gate for CI.

    Exits with 1 when not. Needs no key and reads no rows.
    """
    from dataclasses import replace

    from penstock.discover import proposed_lines

    with _opened(on, "masks check") as source:
        policy = _policy(source, devdb)
    lines = proposed_lines(source.catalog)
    undecided = tuple(replace(u, hint=lines.get(u.column, u.hint)) for u in policy.undecided)
    policy = replace(policy, undecided=undecided)
    clean = not (policy.undecided or policy.violations or policy.stale)
    if as_json:
        emit_json(
            {
                "ok": clean,
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
        )
        return 0 if clean else 1
    _show_check(policy)
    return 0 if clean else 1


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
    findings = len(policy.undecided) + len(policy.violations) + len(policy.stale)
    verdict = style("ok", fg="green") if not findings else style("not ok", fg="red")
    emit(
        f"{verdict}: {len(policy.decisions)} columns decided, {len(policy.undecided)} undecided, "
        f"{len(policy.violations)} cannot stand, {len(policy.stale)} lines without a column"
    )


@command.command("preview")
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--rows", default=3, show_default=True, type=click.IntRange(1, 100), help="Rows per table.")
@_ON
@_FOR
@_JSON
def preview(tables: tuple[str, ...], rows: int, on: str | None, devdb: str | None, *, as_json: bool) -> None:
    """Source *shapes* beside masked values, for a few rows of each table (default: all tables).

    No source value is shown: letters are A and a, digits 9.
    """
    from penstock.api.source import tables_named
    from penstock.catalog.model import ColumnName
    from penstock.discover.preview import preview as previewed

    with _opened(on, "masks preview") as source:
        policy = _policy(source, devdb, with_key=True)
        chosen = tables_named(source.catalog, tables)
        only = {ColumnName(t, c.name) for t in chosen for c in source.catalog.tables[t].columns}
        found = list(previewed(source.session, policy, only=only, rows=rows))
    if as_json:
        emit_json(
            {
                "columns": [
                    {
                        "column": str(p.column),
                        "mask": p.mask,
                        "samples": [
                            {"source_shape": s.source_shape, "masked": s.masked, "is_shape": s.is_shape}
                            for s in p.samples
                        ],
                    }
                    for p in found
                ]
            }
        )
        return
    shown = [
        (p.column if i == 0 else "", p.mask if i == 0 else "", _text(s.source_shape), _text(s.masked))
        for p in found
        for i, s in enumerate(p.samples)
    ]
    table(shown, ["COLUMN", "MASK", "SOURCE SHAPE", "MASKED"])
    for violation in policy.violations:
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
    from penstock.policy import registry_csv, registry_edit, registry_file

    project = open_project()
    if everything:
        with _opened(on, "masks export") as source:
            text = registry_csv.to_csv(source.registry, _columns_in_order(source))
    else:
        text = registry_csv.to_csv(registry_file.load(project.masks_path))
    if str(file) == "-":
        sys.stdout.write(text)
        return
    registry_edit.write(file, text)
    talk(f"wrote {file}")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Say what would change, write nothing.")
@_JSON
def import_(file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Take decisions from a CSV file into masks.toml. Lines that say the same stay as they are."""
    from penstock.policy import registry_csv, registry_edit, registry_file

    project = open_project()
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    lines = registry_csv.from_csv(text, "the CSV" if str(file) == "-" else file.name)
    registry = registry_file.load(project.masks_path)
    changed = [line for line in lines if _says_something_new(line, registry.lines.get(line.column))]
    before = project.masks_path.read_text(encoding="utf-8") if project.masks_path.exists() else ""
    after = registry_edit.merged(before, changed, [line.column for line in lines])
    if changed and not dry_run:
        registry_edit.write(project.masks_path, after)
    added = sum(line.column not in registry.lines for line in changed)
    if as_json:
        emit_json(
            {
                "read": len(lines),
                "added": added,
                "changed": len(changed) - added,
                "written": bool(changed) and not dry_run,
            }
        )
        return
    talk(
        f"{len(lines)} actions read: {added} added, {len(changed) - added} changed, {len(lines) - len(changed)} as before"
    )
    if changed and not dry_run:
        talk(f"wrote {project.masks_path}")


def _says_something_new(line: Line, known: Line | None) -> bool:
    """Whether a line of the CSV changes the decision, or what is said about it."""
    if known is None or line.verdict != known.verdict:
        return True
    said = [(getattr(line, key), getattr(known, key)) for key in ("by", "who", "when", "why")]
    return any(new and new != old for new, old in said)


def _opened(on: str | None, doing: str) -> Any:
    from penstock.api.source import open_source

    return open_source(open_project(), on, doing)


def _columns_in_order(source: SourceView) -> list[Any]:
    from penstock.catalog.model import ColumnName
    from penstock.policy.classes import logical_tables

    return [ColumnName(t.name, c.name) for t in logical_tables(source.catalog) for c in t.stored_columns]


def _policy(source: SourceView, devdb: str | None, *, with_key: bool = False) -> Policy:
    """The decisions on the open source. Whether they hold does not depend on the key; a preview does."""
    from penstock.devdb.rules import joins_of
    from penstock.discover import flagged
    from penstock.masks.keys import KEY_BYTES, Keyring
    from penstock.policy.resolve import resolve

    keys = Keyring(source.project.key_bytes() if with_key else bytes(KEY_BYTES))
    suspected = flagged(source.catalog)
    if devdb is None:
        return resolve(
            source.catalog,
            registry=source.registry,
            keys=keys,
            virtual_edges=source.edges(),
            flagged=suspected,
        )
    rules = source.rules(devdb)
    return resolve(
        source.catalog,
        registry=source.registry,
        keys=keys,
        virtual_edges=joins_of(rules),
        unclassified=source.project.section("devdb", devdb).unclassified,
        skip=rules.skip,
        empty=rules.empty,
        flagged=suspected,
    )
