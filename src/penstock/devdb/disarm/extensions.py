"""Extensions a copy does not get: those the target's server does not offer, and, where the copy is disarmed, those that
act by themselves (a scheduler, a replication) or call out (HTTP, a cloud's functions).

Views and functions that stand on one of them go too, and triggers that call one directly. Where a table itself stands on
one (the type of a column, a default, an index), the copy would not be the table: that is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.catalog.model import Catalog, ObjectAddress, TableName
from penstock.devdb.disarm.left_out import LeftOut
from penstock.engines.postgres.session import Session
from penstock.errors import SourceRefused

ACTING = {
    "aws_lambda": "it calls functions of a cloud",
    "aws_s3": "it reads and writes a cloud's storage",
    "azure_storage": "it reads and writes a cloud's storage",
    "bdr": "it replicates",
    "http": "it sends HTTP requests",
    "pg_cron": "it runs scheduled jobs",
    "pg_net": "it sends HTTP requests",
    "pg_timetable": "it runs scheduled jobs",
    "pgagent": "it runs scheduled jobs",
    "pglogical": "it replicates",
    "pgl_ddl_deploy": "it replicates",
    "spock": "it replicates",
}
"""What each does by itself, or for whoever calls it."""
REPLICATING = frozenset(name for name, what in ACTING.items() if what == "it replicates")


@dataclass(frozen=True, slots=True)
class Dependents:
    """What stands on extensions that are left out."""

    views: Mapping[TableName, LeftOut]
    others: tuple[LeftOut, ...]
    identities: frozenset[ObjectAddress]  # (catalog oid, oid) of the others
    triggers: frozenset[tuple[TableName, str]]  # the triggers among them


def left_out_extensions(
    catalog: Catalog, offered: Collection[str] | None, *, disarm: bool
) -> Mapping[str, str]:
    """The extensions of the source the copy does not get, and why. `offered`: what the target's server has, if known."""
    found = {name: _NOT_OFFERED for name in catalog.extensions if offered is not None and name not in offered}
    acting = {name: why for name, why in ACTING.items() if disarm and name in catalog.extensions}
    return dict(sorted((found | acting).items()))


def required(
    source: Session,
    catalog: Catalog,
    skip: Collection[TableName],
    gone: Mapping[str, str],
) -> Iterator[SourceRefused]:
    """Why these extensions cannot be left out: a table needs one."""
    for table in catalog:
        for column in table.columns:
            extension = column.type.innermost.extension
            if (
                extension is not None
                and extension in gone
                and catalog.root_of(table.name) not in skip
                and table.definition is None
            ):
                yield _refused(f"{table.name}.{column.name} has a type", extension, gone)
    for row in _standing(source, gone):
        relation = TableName(row["schema"], row["relation"])
        if row["kind"] == "other" and not (relation in catalog.tables and catalog.root_of(relation) in skip):
            yield _refused(f"{row['what']} needs something", row["extension"], gone)


def dependents(source: Session, extensions: Iterable[str]) -> Dependents:
    """Views, functions and triggers that stand on any of these extensions, directly or through each other."""
    views: dict[TableName, LeftOut] = {}
    others: list[LeftOut] = []
    identities: set[ObjectAddress] = set()
    triggers: set[tuple[TableName, str]] = set()
    for row in _standing(source, extensions):
        why = f"depends on the extension {row['extension']}, which is left out"
        if row["kind"] == "view":
            name = TableName(row["schema"], row["name"])
            views[name] = LeftOut(f"view {name}", why)
        elif row["kind"] in ("function", "trigger"):
            others.append(LeftOut(f"{row['kind']} {row['what']}", why))
            identities.add((row["class"], row["oid"]))
            if row["kind"] == "trigger":
                triggers.add((TableName(row["schema"], row["relation"]), row["name"]))
    return Dependents(views, tuple(others), frozenset(identities), frozenset(triggers))


def members_of(source: Session, extensions: Iterable[str]) -> frozenset[TableName]:
    """The relations and types of these extensions."""
    return frozenset(
        TableName(row["schema"], row["name"]) for row in source.fetch(_MEMBERS_SQL, [*extensions])
    )


def grants_on(source: Session, extensions: Iterable[str]) -> tuple[str, ...]:
    """How the archive's entries begin that grant rights on objects of these extensions."""
    return tuple(row["entry"] for row in source.fetch(_GRANTS_SQL, [*extensions]))


def _refused(what: str, extension: str, gone: Mapping[str, str]) -> SourceRefused:
    return SourceRefused(
        f"{what} of the extension {extension}, which is left out",
        why=gone[extension],
        hint="install it on the target's server, or put the table in `skip`"
        if gone[extension] == _NOT_OFFERED
        else "put the table in `skip`, or set disarm = false",
    )


def _standing(source: Session, extensions: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    names = [*extensions]
    rows: Iterable[Mapping[str, Any]] = source.fetch(_STANDING_SQL, names) if names else ()
    return rows


_NOT_OFFERED = "the target's server does not offer it"

_MEMBERS_SQL = """
SELECT n.nspname::text AS schema, coalesce(c.relname, t.typname)::text AS name
  FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
  LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objid
  LEFT JOIN pg_catalog.pg_type t ON d.classid = 'pg_catalog.pg_type'::regclass AND t.oid = d.objid
  JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(c.relnamespace, t.typnamespace)
 WHERE e.extname = ANY($1::text[])
"""

# What a member owns (a table's constraints, a type's array) is part of the extension, too. Rules stand for their views.
_STANDING_SQL = """
WITH RECURSIVE reached AS (
    SELECT e.extname AS extension, d.classid, d.objid, true AS part
      FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_depend d
        ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
     WHERE e.extname = ANY($1::text[])
  UNION
    SELECT r.extension,
           CASE WHEN w.oid IS NOT NULL THEN 'pg_catalog.pg_class'::regclass::oid ELSE d.classid END,
           coalesce(w.ev_class, d.objid), r.part AND d.deptype <> 'n'
      FROM reached r JOIN pg_catalog.pg_depend d ON d.refclassid = r.classid AND d.refobjid = r.objid
      LEFT JOIN pg_catalog.pg_rewrite w ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND w.oid = d.objid
     WHERE d.deptype IN ('n', 'a', 'i') AND (r.part OR d.deptype <> 'a')
), standing AS (
    SELECT min(extension) AS extension, classid, objid FROM reached
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = reached.classid AND e.objid = reached.objid
                          AND e.deptype = 'e')
     GROUP BY classid, objid HAVING NOT bool_or(part)
)
SELECT s.extension, s.classid::int8 AS class, s.objid::int8 AS oid,
       pg_catalog.pg_describe_object(s.classid, s.objid, 0) AS description,
       CASE WHEN c.relkind IN ('v', 'm') THEN 'view'
            WHEN p.oid IS NOT NULL THEN 'function' WHEN t.oid IS NOT NULL THEN 'trigger' ELSE 'other' END AS kind,
       coalesce(n.nspname, '') AS schema, coalesce(c.relname, p.proname, t.tgname, '') AS name,
       coalesce(r.relname, '') AS relation,
       CASE WHEN p.oid IS NOT NULL THEN p.oid::regprocedure::text
            WHEN t.oid IS NOT NULL THEN t.tgname || ' of ' || t.tgrelid::regclass::text
            ELSE pg_catalog.pg_describe_object(s.classid, s.objid, 0) END AS what
  FROM standing s
  LEFT JOIN pg_catalog.pg_class c ON s.classid = 'pg_catalog.pg_class'::regclass AND c.oid = s.objid
  LEFT JOIN pg_catalog.pg_proc p ON s.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = s.objid
  LEFT JOIN pg_catalog.pg_trigger t ON s.classid = 'pg_catalog.pg_trigger'::regclass AND t.oid = s.objid
  LEFT JOIN pg_catalog.pg_attrdef f ON s.classid = 'pg_catalog.pg_attrdef'::regclass AND f.oid = s.objid
  LEFT JOIN pg_catalog.pg_constraint k ON s.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = s.objid
  LEFT JOIN pg_catalog.pg_policy y ON s.classid = 'pg_catalog.pg_policy'::regclass AND y.oid = s.objid
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
  LEFT JOIN pg_catalog.pg_class r ON r.oid = coalesce(t.tgrelid, f.adrelid, nullif(k.conrelid, 0), y.polrelid, i.indrelid, c.oid)
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(r.relnamespace, p.pronamespace)
  LEFT JOIN pg_catalog.pg_type q ON s.classid = 'pg_catalog.pg_type'::regclass AND q.oid = s.objid
 WHERE q.oid IS NULL OR q.typrelid = 0 AND q.typelem = 0  -- what comes with a view or a type
 ORDER BY kind, what
"""

_GRANTS_SQL = """
SELECT pg_catalog.format('ACL %s %s %s', coalesce(n.nspname, '-'),
                         CASE WHEN s.oid IS NOT NULL THEN 'SCHEMA' WHEN c.relkind = 'S' THEN 'SEQUENCE'
                              WHEN c.oid IS NOT NULL THEN 'TABLE' WHEN p.prokind = 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
                         coalesce(s.nspname || ' ', c.relname || ' ', p.proname || '(')) AS entry
  FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
  LEFT JOIN pg_catalog.pg_namespace s ON d.classid = 'pg_catalog.pg_namespace'::regclass AND s.oid = d.objid
  LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objid
  LEFT JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = d.objid
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(c.relnamespace, p.pronamespace)
 WHERE e.extname = ANY($1::text[]) AND coalesce(s.oid, c.oid, p.oid) IS NOT NULL
"""
