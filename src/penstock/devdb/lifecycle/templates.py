"""Templates: a finished, verified, masked database nobody can connect to, of which every developer gets a copy in seconds.

What it is stands in its comment, because its manifest cannot be read without connecting. The copy holds the manifest, which is
checked before the copy gets its name.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from penstock.catalog.model import quote_identifier
from penstock.devdb import databases, manifest
from penstock.devdb.context import Context
from penstock.devdb.create import Created, create
from penstock.devdb.lifecycle import hooks, roles
from penstock.devdb.manifest import Manifest
from penstock.devdb.ours import require_ours
from penstock.devdb.plan import Plan
from penstock.devdb.progress import Progress, note
from penstock.devdb.publication import Publication, require_createdb
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, TargetRefused

_TAIL = "__template"
_MARK = "penstock: template "
_STRATEGY_SINCE, _CLONE_SINCE = 15, 18
# What a server says that was built without it, or whose file system refuses.
_CANNOT_CLONE = re.compile(r'could not clone file|invalid value for parameter "file_copy_method"')


@dataclass(frozen=True, slots=True)
class Template:
    """What a template's comment says of it."""

    database: str
    project: str
    name: str  # of [devdb.NAME]
    run_id: str
    made_at: datetime
    key_fingerprint: str
    size_bytes: int

    @property
    def age(self) -> timedelta:
        return datetime.now(UTC) - self.made_at


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


def name_of(context: Context) -> str:
    """The name of the section's template, within 63 bytes."""
    head = context.section_database.encode()[: databases.MAX_NAME_BYTES - len(_TAIL)]
    return head.decode(errors="ignore") + _TAIL


def create_template(
    context: Context, progress: Progress, *, saved_plan: Plan | None = None, replace: bool = False
) -> Created:
    """Build, verify and keep the section's database as a template; with `replace` also where there
    is one: beside it, then swapped."""
    inside = context.with_database(name_of(context))
    return create(inside, progress, saved_plan=saved_plan, publication=_AsTemplate(replace=replace))


class _AsTemplate(Publication):
    operation = "template"
    opens = False

    def __init__(self, *, replace: bool) -> None:
        self._replace = replace

    def require(self, context: Context, maintenance: Session) -> None:
        there = databases.exists(maintenance, context.database)
        if there and not self._replace:
            raise TargetRefused(
                f"the template {context.database} exists already on the target",
                hint=f"penstock dev refresh {context.name} --template rebuilds it",
            )
        if there:
            find(context, maintenance, context.database)

    def publish(self, context: Context, maintenance: Session, built: str, progress: Progress) -> None:  # noqa: ARG002
        final = context.database
        with context.target_session(built) as target:
            made = require_ours(context, manifest.read(target))
        old = databases.temporary_name(final)
        q_built, q_final, q_old = map(quote_identifier, (built, final, old))
        replaced = [
            f"ALTER DATABASE {q_final} WITH IS_TEMPLATE false",
            f"ALTER DATABASE {q_final} RENAME TO {q_old}",
            databases.comment_as_debris(old, final),
        ]
        databases.end_sessions(maintenance, [built])
        with maintenance.transaction():
            statements = [
                *(replaced if databases.exists(maintenance, final) else []),
                f"ALTER DATABASE {q_built} RENAME TO {q_final}",
                f"ALTER DATABASE {q_final} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false CONNECTION LIMIT -1",
                databases.comment_sql(final, _MARK + json.dumps(_said(made), sort_keys=True)),
            ]
            maintenance.execute("; ".join(statements), doing=f"publishing the template {final}")
        with suppress(DatabaseError):  # what is left of the old one the next run removes
            databases.drop(maintenance, old)


def _said(made: Manifest) -> Mapping[str, Any]:
    keys = ("project", "name", "key_fingerprint")
    return {**{k: made.document[k] for k in keys}, "run_id": made.run_id, "made_at": manifest.now()}


def find(context: Context, maintenance: Session, database: str | None = None) -> Template | None:
    """The section's template, or None. Raises `TargetRefused` where that name is somebody else's."""
    name = database or name_of(context)
    if not databases.exists(maintenance, name):
        return None
    template = _read(maintenance, name)
    if template is None or (template.project, template.name) != (context.project, context.name):
        raise TargetRefused(
            f"the database {name} is no template of [devdb.{context.name}] of the project {context.project!r}",
            why="its comment does not say so",
            hint="set another `database` in penstock.toml, or remove that one yourself",
        )
    return template


def _read(maintenance: Session, name: str) -> Template | None:
    row = maintenance.fetch(
        "SELECT datistemplate AND NOT datallowconn AS closed, pg_catalog.shobj_description(oid, 'pg_database') AS said, "
        "CASE WHEN pg_catalog.pg_has_role(datdba, 'USAGE') THEN pg_catalog.pg_database_size(oid) ELSE 0 END AS size "
        "FROM pg_catalog.pg_database WHERE datname = $1",
        name,
    )[0]
    if not row["closed"] or not (row["said"] or "").startswith(_MARK):
        return None
    try:
        said = json.loads(row["said"].removeprefix(_MARK))
        return Template(
            name,
            str(said["project"]),
            str(said["name"]),
            str(said["run_id"]),
            datetime.fromisoformat(said["made_at"]),
            str(said["key_fingerprint"]),
            int(row["size"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def require(context: Context, maintenance: Session) -> Template:
    """The section's template. Raises `TargetRefused` where there is none."""
    template = find(context, maintenance)
    if template is None:
        raise TargetRefused(
            f"there is no template {name_of(context)} on the target",
            hint=f"penstock dev create {context.name} --template",
        )
    return template


def from_template(context: Context, progress: Progress) -> Copied:
    """Make the database of `context` as a copy of the section's template. Production is not read, nothing is verified again."""
    hooks.before_create(context, "copy", progress)
    copied = copy(context, _AsCopy(), "copy", progress)
    hooks.after_create(context, "copy", progress)
    return copied


class _AsCopy(Publication):
    operation = "copy"

    def require(self, context: Context, maintenance: Session) -> None:
        if context.database == name_of(context):
            raise TargetRefused(
                f"{context.database} is the name of the template itself", hint="choose another --database"
            )
        super().require(context, maintenance)

    def publish(self, context: Context, maintenance: Session, built: str, progress: Progress) -> None:  # noqa: ARG002
        databases.publish(maintenance, built, context.database, whose=_whose(context))


def _whose(context: Context) -> str:
    """What the comments of all copies of the section's template end with."""
    return f"\ncopy for [devdb.{context.name}] of {context.project}"


def copies(context: Context, maintenance: Session) -> tuple[str, ...]:
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
    with context.target_session() as maintenance, databases.build_lock(maintenance, final):
        for line in databases.clean(maintenance, final):
            note(progress, line)
        require_createdb(context, maintenance)
        publication.require(context, maintenance)
        roles.require(context, maintenance, progress)
        template = require(context, maintenance)
        built = databases.temporary_name(final)
        try:
            progress.start(f"copy of {template.database}")
            copying = time.monotonic()
            how = _copy_files(maintenance, template.database, built, final, progress)
            copy_seconds = time.monotonic() - copying
            progress.finish(f"copy of {template.database}")
            roles.open_database(context, maintenance, built)
            with context.target_session(built) as target:
                made = _manifest(context, target, template, operation, time.monotonic() - started)
                manifest.write(target, made)
                size = int(target.fetchval("SELECT pg_catalog.pg_database_size(current_database())"))
            publication.publish(context, maintenance, built, progress)
        except BaseException:
            databases.remove(context, maintenance, built)
            raise
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


def _copy_files(maintenance: Session, template: str, built: str, final: str, progress: Progress) -> str:
    """Copy the template's files; returns how. PostgreSQL 18 can have them cloned, where its file system shares blocks."""
    major = maintenance.connection.get_server_version().major
    strategy = "STRATEGY FILE_COPY" if major >= _STRATEGY_SINCE else ""
    if major >= _CLONE_SINCE:
        try:
            maintenance.execute("SET file_copy_method = 'clone'")
            databases.create_from(maintenance, template, built, final, strategy)
        except DatabaseError as error:
            if not _CANNOT_CLONE.search(error.why):
                raise
            note(progress, f"the server cannot clone files there, they are copied: {error.why}")
        else:
            return "file_copy_method = clone"
        finally:
            maintenance.execute("RESET file_copy_method")
    databases.create_from(maintenance, template, built, final, strategy)
    return "file copy"


def _manifest(
    context: Context, target: Session, template: Template, operation: str, seconds: float
) -> Manifest:
    """The template's own manifest, as that of this copy of it."""
    inside = require_ours(context, manifest.read(target))
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


def drop_template(context: Context, progress: Progress) -> str:
    """Remove the section's template and debris of it; returns its name. Copies of it stay."""
    name = name_of(context)
    with context.target_session() as maintenance, databases.build_lock(maintenance, name):
        for line in databases.clean(maintenance, name):
            note(progress, line)
        require(context, maintenance)
        maintenance.execute(f"ALTER DATABASE {quote_identifier(name)} WITH IS_TEMPLATE false")
        databases.drop(maintenance, name)
    return name
