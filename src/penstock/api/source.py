"""What `discover` and `masks` start from: a source's catalog, the registry, and the virtual edges of the project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from penstock.catalog.model import Catalog, TableName
from penstock.devdb.planning.deciding import decide
from penstock.devdb.planning.names import find_table
from penstock.devdb.planning.rules import joins_of, look_up
from penstock.discover import flagged
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.masks.keys import Keyring
from penstock.policy import registry_file
from penstock.policy.classes import Join
from penstock.policy.decision import Policy
from penstock.policy.registry_file import Registry
from penstock.policy.resolve import resolve
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
        sections = self.project.sections.get("devdb", {})
        here = [name for name, s in sections.items() if s.source in ("", self.session.settings.name)]
        return [join for name in here for join in joins_of(look_up(self.catalog, sections[name], name))]

    def policy(self, devdb: str | None, keys: Keyring) -> Policy:
        """The decisions on this source; with `devdb`, by the rules of `[devdb.NAME]`."""
        if devdb is None:
            return resolve(
                self.catalog,
                registry=self.registry,
                keys=keys,
                virtual_edges=self.edges(),
                flagged=flagged(self.catalog),
            )
        settings = self.project.section("devdb", devdb)
        rules = look_up(self.catalog, settings, devdb)
        return decide(self.catalog, rules, settings, self.registry, keys)

    def tables_named(self, names: tuple[str, ...]) -> frozenset[TableName]:
        """The tables a person names, with or without their schema. Raises `UnknownName`."""
        return frozenset(find_table(self.catalog, name, "the tables asked for") for name in names)


@contextmanager
def open_source(project: ProjectSettings, on: str | None, doing: str) -> Iterator[SourceView]:
    """The source called `on`, or the only one; read-only, in one snapshot."""
    settings = project.only_connection("source", on)
    registry = registry_file.load(project.masks_path)
    with Session.open(settings, read_only=True, application_name=f"penstock {doing}") as session:
        session.begin_snapshot()
        yield SourceView(project, session, reflect(session), registry)
