"""A developer's own database: a copy of the section's template, made by the server in seconds.

Production is not read and nothing is verified again. The manifest inside says whose template it was; it is looked at before
the copy gets its name.
"""

from __future__ import annotations

import dataclasses
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.devdb import databases, debris, hooks, manifest, roles
from penstock.devdb.building.file_copy import copy_files
from penstock.devdb.context import Context
from penstock.devdb.lifecycle import templates
from penstock.devdb.lifecycle.templates import Template
from penstock.devdb.manifest import Manifest
from penstock.devdb.ours import require_ours
from penstock.devdb.progress import Progress, note
from penstock.devdb.publication import Build, Publication, require_createdb
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused


@dataclass(frozen=True, slots=True)
class Copied:
    """A database that was copied from a template."""

    name: str
    database: str
    template: str
    template_made_at: str
    rows: int
    size_bytes: int
    how: str  # how the server copied the files
    copy_seconds: float
    seconds: float
    manifest_path: Path

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        document = dataclasses.asdict(self)
        path = document.pop("manifest_path")
        return {**document, "manifest": str(path)}


def from_template(context: Context, progress: Progress) -> Copied:
    """Make the database of `context` as a copy of the section's template."""
    hooks.before_create(context, "copy", progress)
    copied = copy(context, _AsCopy(), "copy", progress)
    hooks.after_create(context, "copy", progress)
    return copied


class _AsCopy(Publication):
    operation = "copy"

    def require(self, context: Context, maintenance: Session) -> None:
        if context.database == templates.name_of(context):
            raise TargetRefused(
                f"{context.database} is the name of the template itself", hint="choose another --database"
            )
        super().require(context, maintenance)

    def publish(self, context: Context, build: Build) -> None:
        databases.publish(build.maintenance, build.database, context.database, whose=_whose(context))


def _whose(context: Context) -> str:
    """What the comments of all copies of the section's template end with."""
    return f"\ncopy for [devdb.{context.name}] of {context.project}"


def names(context: Context, maintenance: Session) -> tuple[str, ...]:
    """The databases that say they are copies of the section's template, but for the section's own."""
    rows = maintenance.fetch(
        "SELECT datname::text AS name FROM pg_catalog.pg_database "
        "WHERE datallowconn AND pg_catalog.shobj_description(oid, 'pg_database') = 'penstock: ' || datname || $1 "
        "AND datname <> $2 ORDER BY 1",
        _whose(context),
        context.section_database,
    )
    return tuple(row["name"] for row in rows)


def copy(
    context: Context,
    publication: Publication,
    operation: str,
    progress: Progress,
) -> Copied:
    """Copy the template beside what stands under the name, and publish it."""
    started = time.monotonic()
    manifest.require_folder(context.state_dir)
    final = context.database
    with context.target_session() as maintenance, debris.build_lock(maintenance, final):
        for line in debris.clean(maintenance, final):
            note(progress, line)
        require_createdb(context, maintenance)
        publication.require(context, maintenance)
        roles.require(context, maintenance, progress)
        template = templates.require(context, maintenance)
        built = databases.temporary_name(final)
        with debris.removed_if_failed(context, maintenance, built):
            progress.start(f"copy of {template.database}")
            copying = time.monotonic()
            how = copy_files(maintenance, template.database, built, final, progress)
            copy_seconds = time.monotonic() - copying
            progress.finish(f"copy of {template.database}")
            roles.open_database(context, maintenance, built)
            with context.target_session(built) as target:
                made = _manifest(context, target, template, operation, time.monotonic() - started)
                manifest.write(target, made)
                size = int(target.fetchval("SELECT pg_catalog.pg_database_size(current_database())"))
            publication.publish(context, Build(maintenance, built, made, progress))
    return Copied(
        context.name,
        final,
        template.database,
        template.made_at.isoformat(timespec="seconds"),
        sum(t["rows"] for t in made.document["tables"].values()),
        size,
        how,
        round(copy_seconds, 3),
        round(time.monotonic() - started, 3),
        manifest.save(made, context.state_dir),
    )


def _manifest(
    context: Context, target: Session, template: Template, operation: str, seconds: float
) -> Manifest:
    """The template's own manifest, as that of this copy of it."""
    inside = require_ours(context, manifest.read(target), copied_from=template.database)
    document = {
        **inside.document,
        "database": context.database,
        "by": manifest.who(),
        "template": {
            "database": template.database,
            "run_id": inside.run_id,
            "made_at": template.made_at.isoformat(),
        },
        "seconds": round(seconds, 3),
    }
    return Manifest(secrets.token_hex(6), operation, manifest.now(), document)
