"""`Project`: a folder with `penstock.toml`, and all that can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import penstock.devdb.config  # noqa: F401 - registers [devdb.NAME]
from penstock.api.source import open_source
from penstock.catalog.model import Catalog, ColumnName
from penstock.devdb import add, create, inspect, why
from penstock.devdb.context import Context, context_of
from penstock.devdb.plan import Plan, settings_from_dict
from penstock.devdb.planning import prepare
from penstock.devdb.progress import Progress, Silent
from penstock.discover import Discovery, propose
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.policy import registry_edit
from penstock.policy.classes import logical_tables
from penstock.project import settings as project_settings
from penstock.project.settings import ProjectSettings


@dataclass(frozen=True, slots=True)
class Discovered:
    """What discovery proposed, and what became of masks.toml."""

    discovery: Discovery
    masks_path: Path
    written: bool
    already_decided: int


class Project:
    """A folder with `penstock.toml`. Opening one reads files only; each method connects, works and disconnects.

    All methods raise `penstock.errors.PenstockError` subclasses, whose texts hold no row values and no secrets.
    """

    def __init__(self, settings: ProjectSettings) -> None:
        self.settings = settings

    @classmethod
    def load(cls, path: str | Path | None = None) -> Self:
        """The project in `path` (a folder or its penstock.toml), or the nearest one at or above the working directory."""
        return cls(project_settings.load(Path(path) if path is not None else None))

    def catalog(self, connection: str | None = None) -> Catalog:
        """What the named source (or the only one) holds."""
        chosen = self.settings.only_connection("source", connection)
        with Session.open(chosen, read_only=True) as session:
            session.begin_snapshot()
            return reflect(session)

    def discover(self, connection: str | None = None, *, write: bool = True) -> Discovered:
        """Propose masks.toml from the catalog. What is certain is in force, what is not stays open; people's lines stay.

        With `write` the proposals are merged into masks.toml. No row is read.
        """
        with open_source(self.settings, connection, "discover") as view:
            found = propose(view.catalog, view.registry, view.edges())
        order = [ColumnName(t.name, c.name) for t in logical_tables(view.catalog) for c in t.columns]
        path = self.settings.masks_path
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = registry_edit.merged(before, found.lines(), order, found.questions())
        written = write and after != before
        if written:
            registry_edit.write(path, after)
        return Discovered(found, path, written, already_decided=len(view.registry))

    def plan_dev(self, name: str, *, progress: Progress | None = None) -> Plan:
        """What `create_dev` would copy, exactly, and what it would refuse. Writes nothing."""
        context = self._context(name)
        with context.source_session() as source:
            return prepare(context, source, progress or Silent()).plan

    def create_dev(
        self, name: str, *, plan: Plan | None = None, progress: Progress | None = None
    ) -> create.Created:
        """Create the development database, verified, or leave nothing. `plan`: a saved one, whose rules are used."""
        return create.create(self._context(name, plan), progress or Silent(), saved_plan=plan)

    def refresh_dev(
        self, name: str, *, plan: Plan | None = None, progress: Progress | None = None
    ) -> create.Created:
        """Rebuild the development database beside the old one and swap."""
        return create.create(self._context(name, plan), progress or Silent(), saved_plan=plan, replace=True)

    def add_dev(self, name: str, roots: Sequence[str], *, progress: Progress | None = None) -> add.Added:
        """Top up an existing copy: `roots` are `TABLE:WHERE`; what those rows need comes along."""
        return add.add(self._context(name), roots, progress or Silent())

    def verify_dev(self, name: str, *, progress: Progress | None = None) -> inspect.Verified:
        """Verify the existing copy again, against the source as it is now."""
        return inspect.verify_existing(self._context(name), progress or Silent())

    def why_dev(self, name: str, table: str, key: str, *, progress: Progress | None = None) -> why.Why:
        """The path by which a row came into the subset. Computes the closure again."""
        return why.why(self._context(name), table, key, progress or Silent())

    def list_dev(self) -> list[inspect.Listed]:
        """The development databases of the project and what became of them."""
        names = self.settings.sections.get("devdb", {})
        return [inspect.describe(self._context(name)) for name in names]

    def drop_dev(self, name: str) -> None:
        """Remove the development database. Refuses one that Penstock did not make."""
        inspect.drop(self._context(name))

    def _context(self, name: str, plan: Plan | None = None) -> Context:
        return context_of(
            self.settings, name, settings_from_dict(plan.settings, name) if plan is not None else None
        )
