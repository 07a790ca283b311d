"""Templates: a finished, verified, masked database nobody can connect to, of which every developer gets a copy in seconds.

What it is stands in its comment, because its manifest cannot be read without connecting. The copy holds the manifest, which is
checked before the copy gets its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from penstock.catalog.model import quote_identifier
from penstock.devdb import databases, debris, drift, hooks, manifest
from penstock.devdb.context import Context
from penstock.devdb.create import create
from penstock.devdb.created import Created
from penstock.devdb.labour import Labour
from penstock.devdb.manifest import Manifest
from penstock.devdb.planning.plan import Plan
from penstock.devdb.progress import Progress, note
from penstock.devdb.publication import Build, Publication
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, TargetRefused

_TAIL = "__template"
_MARK = "penstock: template "


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
    made_from: str  # the fingerprint of production's schema; "" where the template does not say

    @property
    def age(self) -> timedelta:
        return datetime.now(UTC) - self.made_at


def name_of(context: Context) -> str:
    """The name of the section's template, within 63 bytes."""
    head = context.section_database.encode()[: databases.MAX_NAME_BYTES - len(_TAIL)]
    return head.decode(errors="ignore") + _TAIL


def create_template(
    context: Context,
    progress: Progress,
    *,
    saved_plan: Plan | None = None,
    replace: bool = False,
    labour: Labour | None = None,
) -> Created:
    """Build, verify and keep the section's database as a template; with `replace` also where there
    is one: beside it, then swapped."""
    inside = context.with_database(name_of(context))
    publication = _AsTemplate(replace=replace)
    return create(inside, progress, saved_plan=saved_plan, publication=publication, labour=labour)


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

    def publish(self, context: Context, build: Build) -> None:
        final, maintenance = context.database, build.maintenance
        old = databases.temporary_name(final)
        q_built, q_final, q_old = map(quote_identifier, (build.database, final, old))
        replaced = [
            f"ALTER DATABASE {q_final} WITH IS_TEMPLATE false",
            f"ALTER DATABASE {q_final} RENAME TO {q_old}",
            databases.comment_as_debris(old, final),
        ]
        databases.end_sessions(maintenance, [build.database])
        with maintenance.transaction():
            statements = [
                *(replaced if databases.exists(maintenance, final) else []),
                f"ALTER DATABASE {q_built} RENAME TO {q_final}",
                f"ALTER DATABASE {q_final} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false CONNECTION LIMIT -1",
                databases.comment_sql(final, _MARK + json.dumps(_said(build.manifest), sort_keys=True)),
            ]
            maintenance.execute("; ".join(statements), doing=f"publishing the template {final}")
        with suppress(DatabaseError):  # what is left of the old one the next run removes
            databases.drop(maintenance, old)


def _said(made: Manifest) -> Mapping[str, Any]:
    keys = ("project", "name", "key_fingerprint")
    said = {**{k: made.document[k] for k in keys}, "run_id": made.run_id, "made_at": manifest.now()}
    # What was pruned from another database knows production's schema by the rules of that one.
    shape = None if "pruned_from" in made.document else made.document["made_from"]
    return said if shape is None else {**said, "made_from": drift.fingerprint(shape)}


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
            str(said.get("made_from", "")),
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


def drop_template(context: Context, progress: Progress) -> str:
    """Remove the section's template and debris of it; returns its name. Copies of it stay."""
    name = name_of(context)
    with context.target_session() as maintenance, debris.build_lock(maintenance, name):
        for line in debris.clean(maintenance, name):
            note(progress, line)
        require(context, maintenance)
        gone = databases.temporary_name(name)
        with maintenance.transaction():  # killed from here on, the next run drops it
            statements = (
                f"ALTER DATABASE {quote_identifier(name)} WITH IS_TEMPLATE false",
                f"ALTER DATABASE {quote_identifier(name)} RENAME TO {quote_identifier(gone)}",
                databases.comment_as_debris(gone, name),
            )
            maintenance.execute("; ".join(statements), doing=f"dropping the template {name}")
        databases.drop(maintenance, gone)
    hooks.after_drop(context.with_database(name), progress)
    return name
