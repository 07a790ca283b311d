"""Carrying over what developers made: out of the standing copy, into the fresh one beside it.

One archive of the old schema, of which only the extras are restored, as the developers' role; their rows from another; then
comments, owners and rights.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from penstock.catalog.model import TableName, quote_identifier, quote_literal
from penstock.devdb.building.derived import filled_views
from penstock.devdb.building.schema import SchemaArchive, dump
from penstock.devdb.context import Context
from penstock.devdb.lifecycle.extras import TABLES, Extras
from penstock.devdb.roles import alter
from penstock.engines.postgres.clients import ClientTools, find_client_tools
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, PenstockError, QueryError, SchemaToolError, TargetRefused

_WITH_ROWS = ("table", "sequence")


@dataclass(frozen=True, slots=True)
class Carried:
    """Extras that are in the build, and locked where they came from."""

    notes: tuple[str, ...]  # what could not be as it was
    lock_holder: int  # the backend that holds the locks


@contextmanager
def carried(context: Context, extras: Extras, built: str) -> Iterator[Carried]:
    """Put the extras of the standing copy into the build. Their tables stay locked against writing until the block ends, or the
    lock holder's session is ended, so that what is written meanwhile fails and is not lost.

    Raises `TargetRefused` where they do not fit the fresh copy.
    """
    with context.target_session(context.database) as old:
        try:
            _lock(old, extras)
            with context.target_session(built) as fresh:
                notes = tuple(_carry(context, extras, old, fresh))
        except (SchemaToolError, _DoesNotFit) as error:
            raise TargetRefused(
                f"what developers made in {context.database} does not fit the fresh copy",
                why=error.why or error.what,
                hint=f"{_mend(old, extras, error.why)} it there, or reset without --keep-extra; nothing was changed",
            ) from None
        yield Carried(notes, old.fetchval("SELECT pg_catalog.pg_backend_pid()"))


def _mend(old: Session, extras: Extras, why: str) -> str:
    """What to do to an extra that does not fit: of tables whose policies hold for our role too, pg_dump reads no row."""
    tables = [item.oid for item in extras.made if item.kind == "table"]
    forced = old.fetch(_FORCED_SQL, tables) if "row-level security" in why else []
    statements = [f"ALTER TABLE {row['name']} NO FORCE ROW LEVEL SECURITY;" for row in forced]
    return f"{' '.join(statements)}   or change or drop" if statements else "change or drop"


_FORCED_SQL = """
SELECT oid::regclass::text AS name FROM pg_catalog.pg_class
 WHERE oid = ANY($1::int8[]::oid[]) AND relrowsecurity AND relforcerowsecurity ORDER BY 1
"""


class _DoesNotFit(Exception):
    """A statement of the carrying over failed."""

    def __init__(self, error: PenstockError) -> None:
        super().__init__(error.what)
        self.what, self.why = error.what, error.why


def _lock(old: Session, extras: Extras) -> None:
    """One snapshot behind the locks: what is locked later cannot have been written in between."""
    old.begin_snapshot()
    tables = [item.identity for item in extras.made if item.kind == "table"]
    try:
        if tables:
            old.execute(f"LOCK TABLE {', '.join(tables)} IN SHARE MODE", doing="locking what developers made")
    except QueryError as error:
        owners = sorted({quote_identifier(item.owner) for item in extras.made if item.kind == "table"})
        us = quote_identifier(old.settings.user)
        raise TargetRefused(
            f"what developers made in {old.database} cannot be kept",
            why=error.why,
            hint=f"GRANT {', '.join(owners)} TO {us};   or end the transactions that use these tables",
        ) from None
    old.snapshot_id = old.fetchval("SELECT pg_catalog.pg_export_snapshot()")


def _carry(context: Context, extras: Extras, old: Session, fresh: Session) -> Iterator[str]:
    role = context.settings.developers
    if extras.made:
        major = old.connection.get_server_version().major
        tools = find_client_tools(major, major, tls=old.is_encrypted)
        _restore(extras, old, fresh, tools, role)
        _refresh(extras, old, fresh, role)
        yield from _comment(extras, old, fresh)
        yield from _give_back(extras, fresh, role or fresh.settings.user)
    for right in sorted(extras.rights, key=lambda right: not right.takes_away):
        try:
            fresh.execute(right.statement)
        except DatabaseError as error:
            if right.takes_away:  # nothing is kept that then more may do with
                raise _DoesNotFit(error) from None
            yield f"not granted again: {right.text} ({error.why or error.what})"


def _restore(extras: Extras, old: Session, fresh: Session, tools: ClientTools, role: str) -> None:
    """Definitions from one archive of the whole schema, of which only the extras are restored; rows from another."""
    with_rows = [TableName(i.schema, i.name) for i in extras.made if i.kind in _WITH_ROWS]
    identities, described = _entries(extras, old)
    with tempfile.TemporaryFile() as schema, tempfile.TemporaryFile() as rows:
        dump(old, tools, schema, "--schema-only")
        archive = SchemaArchive(schema, tools, ())

        def restore(section: str) -> None:
            archive.restore(
                fresh.settings, fresh.database, section, without=frozenset(), only=identities, described=described, role=role
            )  # fmt: skip

        restore("pre-data")
        if with_rows:
            dump(old, tools, rows, "--data-only", *(f"--table={table.sql}" for table in with_rows))
            SchemaArchive(rows, tools, ()).restore(
                fresh.settings, fresh.database, "data", without=frozenset(), role=role
            )
        restore("post-data")


def _entries(extras: Extras, old: Session) -> tuple[frozenset[tuple[int, int]], Callable[[str], bool]]:
    """Which entries of the archive are the extras': by identity, and by the beginning of those that have none."""
    tables = [item.oid for item in extras.made if item.kind in TABLES]
    owned = old.fetch(_OWNED_SQL, tables)
    identities = {(item.catalog_oid, item.oid) for item in (*extras.made, *extras.parts)}
    identities |= {(row["c"], row["oid"]) for row in owned}
    identities |= {(0, oid) for oid in tables}  # that row-level security is on
    beginnings = [
        *(f"TABLE ATTACH {i.schema} {i.name} " for i in extras.made if i.kind in TABLES),
        *(f"SEQUENCE OWNED BY {row['schema']} {row['name']} " for row in owned if row["name"]),
    ]
    return frozenset(identities), lambda text: text.startswith(tuple(beginnings))


# The sequences and defaults of these tables, which are no objects of their own in an inventory.
_OWNED_SQL = """
SELECT d.classid::int8 AS c, d.objid::int8 AS oid, n.nspname::text AS schema, c.relname::text AS name
  FROM pg_catalog.pg_depend d
  LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objid AND c.relkind = 'S'
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = ANY($1::int8[]::oid[]) AND d.refobjsubid > 0
   AND (c.oid IS NOT NULL OR d.classid = 'pg_catalog.pg_attrdef'::regclass)
"""


def _refresh(extras: Extras, old: Session, fresh: Session, role: str) -> None:
    """Fill the materialised views that were filled."""
    views = {TableName(item.schema, item.name) for item in extras.made if item.kind == "materialized view"}
    for name in filled_views(old):
        if name in views:
            _as(fresh, role, f"REFRESH MATERIALIZED VIEW {name.sql}")


def _comment(extras: Extras, old: Session, fresh: Session) -> Iterator[str]:
    """Put on the comments that the archive's entries could not be told by: on parts, on names that need quotes."""
    items = [i for i in (*extras.made, *extras.parts) if i.kind not in ("extension", "table column")]
    rows = old.fetch(
        _COMMENTS_SQL, [i.catalog_oid for i in items], [i.oid for i in items], doing="listing comments"
    )
    for row in rows:
        try:
            fresh.execute(f"COMMENT ON {row['target']} IS {quote_literal(row['description'])}")
        except DatabaseError as error:
            yield f"not commented again: {row['target']} ({error.why or error.what})"


# As COMMENT names things, which is nearly as the catalog's own description of an object does.
_COMMENTS_SQL = """
SELECT CASE i.type WHEN 'domain constraint' THEN 'CONSTRAINT ' || pg_catalog.quote_ident(k.conname) || ' ON DOMAIN '
                                                 || pg_catalog.format_type(k.contypid, NULL)
                   WHEN 'statistics object' THEN 'STATISTICS ' || i.identity
                   ELSE pg_catalog.upper(pg_catalog.regexp_replace(i.type, '^(table )(constraint)$|^.* (column)$', '\\2\\3'))
                        || ' ' || i.identity END AS target, d.description
  FROM pg_catalog.pg_description d
  LEFT JOIN pg_catalog.pg_constraint k ON d.classoid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objoid,
       pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i
 WHERE (d.classoid::int8, d.objoid::int8) IN (SELECT * FROM unnest($1::int8[], $2::int8[]))
 ORDER BY 1
"""


def _as(fresh: Session, role: str, statement: str) -> None:
    try:
        with fresh.transaction():
            if role:
                fresh.execute(f"SET LOCAL ROLE {quote_identifier(role)}")
            fresh.execute("SET LOCAL row_security = on")  # it holds what its owner sees, as ever
            fresh.execute(statement)
    except PenstockError as error:
        raise _DoesNotFit(error) from None


def _give_back(extras: Extras, fresh: Session, restored_as: str) -> Iterator[str]:
    """Whoever made it owns it again, where our role may say so."""
    for item in extras.made:
        if item.owner in ("", restored_as) or item.kind == "extension":
            continue
        try:
            fresh.execute(f"{alter(item)} OWNER TO {quote_identifier(item.owner)}")
        except DatabaseError as error:
            yield f"{item.kind} {item.identity} belongs to {restored_as} now, not to {item.owner} ({error.why or error.what})"
