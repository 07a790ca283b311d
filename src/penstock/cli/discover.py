"""`penstock discover`: propose masks.toml from the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.cli.options import json_option, open_project
from penstock.cli.output import emit, emit_json, style, table, talk

if TYPE_CHECKING:
    from penstock.discover import Discovery


@click.command("discover")
@click.option("--on", metavar="NAME", help="The source connection, when there are several.")
@click.option("--dry-run", is_flag=True, help="Show the proposals, write nothing.")
@json_option
def command(on: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Propose masks.toml from the names and types of all columns.

    What is certain is written in force, marked by = "discover". What is not stays open, as a comment
    that begins with #?: `dev create` refuses until somebody decides. Lines and comments of yours stay
    as they are. No row is read.
    """
    result = open_project().discover(on, write=not dry_run)
    found, already = result.discovery, result.already_decided
    if as_json:
        emit_json(_as_dict(found, str(result.masks_path), written=result.written, already_decided=already))
        return
    _show(found)
    talk(f"{already} columns were decided before." if already else "", level=0 if already else 9)
    if result.written:
        talk(f"wrote {result.masks_path}")
    talk("Next: answer the open questions in masks.toml, then: penstock masks check" if found.open else
         "Next: penstock masks preview")  # fmt: skip


def _as_dict(found: Discovery, path: str, *, written: bool, already_decided: int) -> dict[str, Any]:
    return {
        "masks_file": path,
        "written": written,
        "already_decided": already_decided,
        "proposals": [
            {
                "schema": p.column.table.schema,
                "table": p.column.table.table,
                "column": p.column.column,
                "mask": p.judgement.mask,
                "options": p.judgement.options,
                "certain": p.judgement.certain,
                "rule": p.rule,
                "evidence": p.judgement.evidence,
            }
            for p in found.proposals
        ],
    }


def _show(found: Discovery) -> None:
    masked = [p for p in found.certain if p.judgement.is_personal]
    kept = len(found.certain) - len(masked)
    if masked:
        rows = [(p.column, p.judgement.mask, p.judgement.evidence) for p in masked]
        table(rows, ["PERSONAL", "MASK", "EVIDENCE"])
        emit()
    if found.open:
        rows = [(p.column, p.judgement.mask, p.judgement.evidence) for p in found.open]
        table(rows, ["OPEN", "WOULD BE", "WHY IT IS A QUESTION"])
        emit()
    emit(
        style(f"{len(masked)} columns masked, {kept} kept, {len(found.open)} open.", bold=True)
        + " Foreign keys inherit the mask of what they reference."
    )
