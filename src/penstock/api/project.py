"""`Project`: a folder with `penstock.toml`, and all that can be done with it.

Each method imports its job when it is called, so that a project costs no more than reading its files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from penstock.api.devdb import DevDatabases
from penstock.project import settings as project_settings
from penstock.project.report import Setting, settings_in_force
from penstock.project.settings import ProjectSettings

if TYPE_CHECKING:
    from penstock.api.connections import Answer, Connection
    from penstock.api.masks import Discovered, Imported, Preview
    from penstock.catalog.model import Catalog
    from penstock.policy.decision import Policy
    from penstock.policy.reference import MaskFacts


class Project(DevDatabases):
    """A folder with `penstock.toml`. Opening one reads files only; each method connects, works and disconnects.

    `connection` names the source where there are several; `devdb` asks with the rules of `[devdb.NAME]`.
    All methods raise `penstock.PenstockError` subclasses, whose texts hold no row values and no secrets.
    """

    def __init__(self, settings: ProjectSettings) -> None:
        self.settings = settings

    @classmethod
    def load(cls, path: str | Path | None = None, *, overrides: Mapping[str, str] | None = None) -> Self:
        """The project in `path` (a folder or its penstock.toml), or the nearest one at or above the working directory.

        `overrides` stand in for single settings of the file: `{"connections.prod.host": "replica2"}`.
        """
        return cls(project_settings.load(Path(path) if path is not None else None, flags=overrides))

    # the project itself

    def config(self) -> list[Setting]:
        """Every setting in force and where it comes from; passwords and the key as asterisks."""
        return settings_in_force(self.settings)

    @staticmethod
    def schema() -> dict[str, Any]:
        """The JSON Schema of penstock.toml, for editors."""
        from penstock.project.schema import project_schema

        return project_schema()

    def list_connections(self) -> list[Connection]:
        """The connections of the project, without opening them."""
        from penstock.api import connections

        return connections.listed(self.settings)

    def test_connections(self, *names: str) -> list[Answer]:
        """What the servers say about themselves (default: all). One that does not answer is an answer too."""
        from penstock.api import connections

        return connections.tested(self.settings, names)

    def catalog(self, connection: str | None = None) -> Catalog:
        """What the source holds: schemas, tables, columns, keys."""
        from penstock.engines.postgres.reflect import reflect
        from penstock.engines.postgres.session import Session

        chosen = self.settings.only_connection("source", connection)
        with Session.open(chosen, read_only=True) as session:
            session.begin_snapshot()
            return reflect(session)

    # what happens to every column

    def discover(self, connection: str | None = None, *, write: bool = True) -> Discovered:
        """Propose masks.toml from the catalog. What is certain is in force, what is not stays open; people's lines stay.

        With `write` the proposals are merged into masks.toml. No row is read.
        """
        from penstock.api import masks

        return masks.discover(self.settings, connection, write=write)

    @staticmethod
    def list_masks() -> list[MaskFacts]:
        """The masks that can be named in masks.toml."""
        from penstock.masks.registry import masks
        from penstock.policy.reference import described

        return [described(mask) for mask in masks().values()]

    def check_masks(self, connection: str | None = None, *, devdb: str | None = None) -> Policy:
        """The decision about every column, what is undecided, and what cannot stand: clean if `.is_clean`.

        Needs no key and reads no rows.
        """
        from penstock.api import masks

        return masks.check(self.settings, connection, devdb)

    def preview_masks(
        self, *tables: str, rows: int = 3, connection: str | None = None, devdb: str | None = None
    ) -> Preview:
        """Source *shapes* beside masked values, for a few rows of the tables named (default: all). No value is shown."""
        from penstock.api import masks

        return masks.preview(self.settings, connection, devdb, tables=tables, rows=rows)

    def export_masks(self, connection: str | None = None, *, everything: bool = False) -> str:
        """masks.toml as CSV: schema_name, table_name, column_name, scrubbing_action.

        `everything`: with all columns of the source, an empty action where none is decided.
        """
        from penstock.api import masks

        return masks.exported(self.settings, connection, everything=everything)

    def import_masks(self, csv: str, *, origin: str = "the CSV", write: bool = True) -> Imported:
        """Take the decisions of a CSV text into masks.toml, all or none. Lines that say the same stay as they are.

        `origin` names the text in errors.
        """
        from penstock.api import masks

        return masks.imported(self.settings, csv, origin, write=write)
