"""The public API: everything the commands do, callable from a script or a notebook. Synchronous.

    import penstock

    project = penstock.Project.load()
    plan = project.plan_dev("small")
    project.create_dev("small")
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import penstock.devdb.config  # registers [devdb.NAME]
from penstock.catalog.model import Catalog
from penstock.devdb import add, create, inspect, why
from penstock.devdb.context import Context, context_of
from penstock.devdb.plan import Plan, settings_from_dict
from penstock.devdb.planning import prepare
from penstock.devdb.progress import Progress, Silent
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.project import settings as project_settings
from penstock.project.settings import ProjectSettings


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

    def why_dev(self, name: str, table: str, key: str) -> why.Why:
        """The path by which a row came into the subset."""
        return why.why(self._context(name), table, key, Silent())

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
