"""What `discover` and `masks` start from: a source's catalog, the registry, and the virtual edges of the project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.catalog.model import Catalog, TableName
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.policy import registry_file
from penstock.policy.classes import Join
from penstock.policy.registry_file import Registry

if TYPE_CHECKING:
    from penstock.devdb.rules import Rules
    from penstock.project.settings import ProjectSettings


@dataclass(frozen=True, slots=True)
class SourceView:
    """An open session in one snapshot, and what was read of it."""

    project: ProjectSettings
    session: Session
    catalog: Catalog
    registry: Registry

    def edges(self) -> list[Join]:
        """Where the virtual edges of all development databases on this source join columns."""
        from penstock.devdb.rules import joins_of

        return [join for name in self._devdbs() for join in joins_of(self.rules(name))]

    def rules(self, devdb: str) -> Rules:
        """The rules of `[devdb.NAME]` in this catalog."""
        from penstock.devdb.rules import look_up

        return look_up(self.catalog, self.project.section("devdb", devdb), devdb)

    def _devdbs(self) -> list[str]:
        """The development databases made from this source."""
        sections = self.project.sections.get("devdb", {})
        return [name for name, s in sections.items() if s.source in ("", self.session.settings.name)]


@contextmanager
def open_source(project: ProjectSettings, on: str | None, doing: str) -> Iterator[SourceView]:
    """The source called `on`, or the only one; read-only, in one snapshot."""
    settings = project.only_connection("source", on)
    registry = registry_file.load(project.masks_path)
    with Session.open(settings, read_only=True, application_name=f"penstock {doing}") as session:
        session.begin_snapshot()
        yield SourceView(project, session, reflect(session), registry)


def tables_named(catalog: Catalog, names: tuple[str, ...]) -> frozenset[TableName]:
    """The tables a person names, with or without their schema. Raises `UnknownName`."""
    from penstock.devdb.names import find_table

    return frozenset(find_table(catalog, name, "the command line") for name in names)
