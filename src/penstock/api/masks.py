"""The decisions in masks.toml: propose, check, preview, export, import. `penstock discover` and `masks` print these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from penstock.api.source import SourceView, open_source
from penstock.catalog.model import ColumnName
from penstock.discover import Discovery, propose, proposed_lines
from penstock.discover.preview import ColumnPreview
from penstock.discover.preview import preview as previewed
from penstock.masks.keys import KEY_BYTES, Keyring
from penstock.policy import registry_csv, registry_edit, registry_file
from penstock.policy.classes import logical_tables
from penstock.policy.decision import Policy, Violation
from penstock.policy.registry_file import Line
from penstock.project.settings import ProjectSettings


@dataclass(frozen=True, slots=True)
class Discovered:
    """What discovery proposed, and what became of masks.toml."""

    discovery: Discovery
    masks_path: Path
    written: bool
    already_decided: int


@dataclass(frozen=True, slots=True)
class Preview:
    """Masked columns with a few values each; columns with a violation have no mask to show."""

    columns: tuple[ColumnPreview, ...]
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What a CSV brought into masks.toml: `read` lines, of which so many are new or say something else."""

    read: int
    added: int
    changed: int
    written: bool


def discover(project: ProjectSettings, connection: str | None, *, write: bool) -> Discovered:
    with open_source(project, connection, "discover") as source:
        found = propose(source.catalog, source.registry, source.edges())
    order = _columns(source, stored_only=False)
    before = _text(project.masks_path)
    after = registry_edit.merged(before, found.lines(), order, found.questions())
    written = write and after != before
    if written:
        registry_edit.write(project.masks_path, after)
    return Discovered(found, project.masks_path, written, already_decided=len(source.registry))


def check(project: ProjectSettings, connection: str | None, devdb: str | None) -> Policy:
    """The decisions; an undecided column's hint is what discovery would write."""
    with open_source(project, connection, "masks check") as source:
        # Whether a decision holds does not depend on the key, and a CI has none.
        policy = source.policy(devdb, Keyring(bytes(KEY_BYTES)))
    lines = proposed_lines(source.catalog)
    hinted = tuple(replace(u, hint=lines.get(u.column, u.hint)) for u in policy.undecided)
    return replace(policy, undecided=hinted)


def preview(
    project: ProjectSettings,
    connection: str | None,
    devdb: str | None,
    *,
    tables: tuple[str, ...],
    rows: int,
) -> Preview:
    with open_source(project, connection, "masks preview") as source:
        policy = source.policy(devdb, Keyring(project.key_bytes()))
        chosen = source.tables_named(tables)
        only = {ColumnName(t, c.name) for t in chosen for c in source.catalog.tables[t].columns}
        return Preview(tuple(previewed(source.session, policy, only=only, rows=rows)), policy.violations)


def exported(project: ProjectSettings, connection: str | None, *, everything: bool) -> str:
    if not everything:
        return registry_csv.to_csv(registry_file.load(project.masks_path))
    with open_source(project, connection, "masks export") as source:
        return registry_csv.to_csv(source.registry, _columns(source, stored_only=True))


def imported(project: ProjectSettings, csv: str, origin: str, *, write: bool) -> Imported:
    lines = registry_csv.from_csv(csv, origin)
    known = registry_file.load(project.masks_path).lines
    news = [line for line in lines if _says_something_new(line, known.get(line.column))]
    after = registry_edit.merged(_text(project.masks_path), news, [line.column for line in lines])
    written = write and bool(news)
    if written:
        registry_edit.write(project.masks_path, after)
    added = sum(line.column not in known for line in news)
    return Imported(read=len(lines), added=added, changed=len(news) - added, written=written)


def _says_something_new(line: Line, known: Line | None) -> bool:
    """Whether a line of the CSV changes the decision, or what is said about it."""
    if known is None or line.verdict != known.verdict:
        return True
    said = [(getattr(line, key), getattr(known, key)) for key in registry_file.METADATA]
    return any(new and new != old for new, old in said)


def _columns(source: SourceView, *, stored_only: bool) -> Sequence[ColumnName]:
    """All columns in the order of the schema."""
    return [
        ColumnName(table.name, column.name)
        for table in logical_tables(source.catalog)
        for column in (table.stored_columns if stored_only else table.columns)
    ]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
