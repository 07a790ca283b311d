"""`dev create --to`: the masked copy as files, which need no shared server.

The copy is built and verified in a database, exactly as `dev create` does, under a temporary name that it keeps. What is
then written of it is read back and compared with it before the files get their final place. The database is dropped.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from penstock._version import __version__
from penstock.catalog.model import Catalog
from penstock.devdb import databases
from penstock.devdb.building.schema import SchemaArchive, dump_schema
from penstock.devdb.config import DevdbSettings
from penstock.devdb.context import Context, context_of
from penstock.devdb.create import create
from penstock.devdb.disarm.left_out import LeftOut, never_copied
from penstock.devdb.files import parquet, sql
from penstock.devdb.files.scratch import scratch_server
from penstock.devdb.files.tables import tables_of
from penstock.devdb.labour import Labour
from penstock.devdb.manifest import Manifest
from penstock.devdb.planning.plan import Plan
from penstock.devdb.progress import Progress, note
from penstock.devdb.publication import Build, Publication
from penstock.devdb.verify import Verification
from penstock.engines.postgres.clients import find_client_tools
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.lake.dataset import Destination, Owner, described, write_manifest
from penstock.lake.places import destination
from penstock.lake.staging import contents, storing
from penstock.project.settings import ProjectSettings

Format = Literal["parquet", "sql", "sql.gz", "sql.zst"]


@dataclass(frozen=True, slots=True)
class Exported:
    """A data set that has just been published."""

    destination: str
    format: Format
    tables: int
    rows: int
    files: int
    bytes: int  # of all files
    seconds: float
    manifest_path: Path  # of the run; the data set has its own, in `document`
    document: dict[str, Any]
    plan: Plan
    verification: Verification
    warnings: tuple[str, ...]


def export(
    project: ProjectSettings,
    name: str,
    to: str,
    progress: Progress,
    *,
    format: Format = "parquet",  # noqa: A002 - the field's word for it
    replace: bool = False,
    saved_plan: Plan | None = None,
    settings: DevdbSettings | None = None,
    labour: Labour | None = None,
) -> Exported:
    """Write the copy `[devdb.NAME]` describes to `to`, verified, or leave nothing.

    Raises a `Refused` before anything is read, a `Finding` when the copy or the files did not pass.
    """
    owner = Owner(project.name, name)
    place = destination(
        to, _lakes(project), lambda lake: project.lake(lake).settings, data_set=name,
        workshop=project.state_dir / "files" / quote(name, safe=""),
    )  # fmt: skip
    for line in place.prepare(owner, replace=replace):
        note(progress, line)
    with _context(project, name, settings, progress) as context:
        delivery = _Delivery(place, owner, format, replace=replace, grants=context.settings.grants)
        created = create(context, progress, saved_plan=saved_plan, publication=delivery, labour=labour)
    written = delivery.document
    return Exported(
        place.shown,
        format,
        len(written["tables"]),
        sum(table["rows"] for table in written["tables"]),
        len(written["files"]),
        sum(file["bytes"] for file in written["files"]),
        created.seconds,
        created.manifest_path,
        written,
        created.plan,
        created.verification,
        tuple(written["warnings"]),
    )


def _lakes(project: ProjectSettings) -> list[str]:
    return [name for name, table in project.tables.items() if table.role == "lake"]


@contextmanager
def _context(
    project: ProjectSettings, name: str, settings: DevdbSettings | None, progress: Progress
) -> Iterator[Context]:
    """The context of the copy, on the project's target or, where it has none, on a server of our own."""
    asked: DevdbSettings = settings if settings is not None else project.section("devdb", name)
    if asked.target or any(table.role == "target" for table in project.tables.values()):
        yield context_of(project, name, settings)
        return
    with scratch_server(project.state_dir) as target:
        note(
            progress,
            "no connection has the role target: the copy is built in an embedded PostgreSQL, for this run only",
        )
        yield context_of(project, name, settings, target=target)


class _Delivery(Publication):
    """Writes the verified build to its destination, and drops it."""

    operation = "export"
    opens = False
    stays = False

    def __init__(
        self,
        place: Destination,
        owner: Owner,
        format: Format,  # noqa: A002 - the field's word for it
        *,
        replace: bool,
        grants: bool,
    ) -> None:
        self.place = place
        self.owner = owner
        self.format = format
        self.replace = replace
        self.grants = grants
        self.document: dict[str, Any] = {}

    def require(self, context: Context, maintenance: Session) -> None:
        """Nothing: what stands on the server is not touched."""

    def publish(self, context: Context, build: Build) -> None:
        self._deliver(context, build)
        databases.drop(build.maintenance, build.database)

    def _deliver(self, context: Context, build: Build) -> None:
        progress = build.progress
        with self.place.stage() as draft, context.target_session(build.database) as copy:
            copy.begin_snapshot(export=True)
            with storing("writing to", draft):
                self.document = self._write(copy, build.manifest, draft, progress)
                write_manifest(draft, self.document)
            progress.start("publish files")
            self.place.publish(draft, self.owner, replace=self.replace)
            progress.finish("publish files")

    def _write(self, copy: Session, made: Manifest, draft: Path, progress: Progress) -> dict[str, Any]:
        catalog = reflect(copy)
        tables = tables_of(catalog)
        warnings: list[str] = []
        with tempfile.TemporaryFile() as file:
            archive = _schema(copy, file)
            if self.format == "parquet":
                _write_schema(archive, draft / parquet.SCHEMA, grants=self.grants)
                written = parquet.write_tables(copy, tables, draft, progress)
                parquet.check_tables(copy, written, progress)
                listed = [table.as_dict(draft) for table in written]
                warnings = [warning for table in written for warning in table.warnings]
            else:
                path = draft / f"database.{self.format}"
                script = sql.write_script(copy, tables, archive, path, progress, grants=self.grants)
                sql.check_script(copy, script, progress)
                listed = script.as_dicts(draft)
                warnings = list(sql.warnings(tables))
        return {
            "made_by": f"Penstock {__version__}",
            "project": self.owner.project,
            "name": self.owner.name,
            "format": self.format,
            "tables": listed,
            "files": [described(draft, name) for name in contents(draft)],
            "warnings": warnings,
            "left_out": _left_out(copy, catalog, self.format),
            # Where production is and who ran it stays in the run's own manifest: files travel.
            "run": {key: said for key, said in made.as_dict().items() if key not in ("source", "by")},
        }


def _schema(copy: Session, file: Any) -> SchemaArchive:
    major = copy.connection.get_server_version().major
    tools = find_client_tools(major, major, tls=copy.is_encrypted)
    archive, _ = dump_schema(copy, tools, file, skip={}, unavailable=())
    return archive


def _write_schema(archive: SchemaArchive, path: Path, *, grants: bool) -> None:
    sections = (archive.script(section, grants=grants) for section in ("pre-data", "post-data"))
    path.write_text("\n".join(sections), encoding="utf-8")


def _left_out(copy: Session, catalog: Catalog, format_: Format) -> list[str]:
    """What the database held and the files do not."""
    found: Sequence[LeftOut] = list(never_copied(copy, large_objects=True))
    left = [f"{item.what}: {item.why}" for item in found]
    if count := copy.fetchval("SELECT count(*) FROM pg_catalog.pg_largeobject_metadata"):
        left.append(f"{count} large objects: files hold tables")
    if format_ == "parquet":
        left += [
            f"rows of the materialised view {table.name}: Parquet files hold tables; schema.sql has its query"
            for table in catalog
            if table.kind == "materialized view"
        ]
    return left
