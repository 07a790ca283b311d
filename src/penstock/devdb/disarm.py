"""What could fetch production's rows from inside the copy, or holds its passwords: it stays behind, and is named.

The schema of a copy is alive. A materialised view runs its query in the target, where dblink, a foreign table or a
function could read rows of production that no mask has seen. What it stands on is asked of the source's own catalog
(pg_depend), never of the text of the query. Passwords lie in user mappings and in the literals of views.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from penstock.catalog.model import Catalog, TableName
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of the source that the copy does not have, and why."""

    what: str
    why: str


def never_copied(source: Session) -> Iterator[LeftOut]:
    """The objects no copy has, whatever the settings say."""
    for row in source.fetch(_NEVER_SQL):
        yield LeftOut(row["what"], row["why"])


def views_with_passwords(catalog: Catalog) -> frozenset[TableName]:
    """Views whose query quotes a password, as `dblink('host=… password=…', …)` does."""
    return frozenset(
        table.name
        for table in catalog
        if table.definition is not None
        and any(_PASSWORD.search(literal[0]) for literal in _LITERAL.finditer(table.definition))
    )


def reaching_views(source: Session) -> Mapping[TableName, str]:
    """The materialised views whose query could read what is not in their database, each with what it stands on."""
    rows = source.fetch(_REACHING_SQL, [*_INWARD], [*_INWARD, *_OF_THE_SERVER])
    return {TableName(row["schema"], row["name"]): row["what"] for row in rows}


_LITERAL = re.compile(r"'(?:[^']|'')*'")
_PASSWORD = re.compile(r"\bpassword\s*=\s*\S|://[^/\s:@]+:[^/\s@]+@", re.IGNORECASE)

# Only a superuser may install these, but their functions compute from their arguments alone.
_INWARD = ("earthdistance", "postgis")
# These show the server's state, which is no view's business, but lend no function a way out.
_OF_THE_SERVER = ("amcheck", "pg_buffercache", "pg_prewarm", "pg_stat_statements", "pgaudit", "pgstattuple")

_NEVER_SQL = """
SELECT 'event trigger ' || evtname AS what, 'event triggers are never copied' AS why FROM pg_catalog.pg_event_trigger
UNION ALL
SELECT 'user mapping of ' || usename || ' on the server ' || srvname, 'it may hold a password'
  FROM pg_catalog.pg_user_mappings
UNION ALL
SELECT 'rows of the foreign table ' || ftrelid::regclass::text, 'they live on another server'
  FROM pg_catalog.pg_foreign_table
UNION ALL
SELECT 'publication ' || pubname, 'publications are never copied' FROM pg_catalog.pg_publication
UNION ALL
SELECT 'subscription ' || subname, 'subscriptions are never copied'
  FROM pg_catalog.pg_subscription
 WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
UNION ALL
SELECT count(*) || ' large objects', 'large objects are never copied'
  FROM pg_catalog.pg_largeobject_metadata HAVING count(*) > 0
UNION ALL
SELECT count(*) || ' security labels', 'security labels are never copied'
  FROM pg_catalog.pg_seclabel HAVING count(*) > 0
"""

# `outward` extensions: not trusted ones (whose C code may do anything), and those that bring a foreign-data wrapper.
# `uses` leaves out from tables to the types of their columns: reading a value calls nothing of its type.
_REACHING_SQL = """
WITH RECURSIVE outward AS (
    SELECT e.oid, e.extname FROM pg_catalog.pg_extension e
     WHERE NOT coalesce((SELECT bool_or(v.trusted) FROM pg_catalog.pg_available_extension_versions v
                          WHERE v.name = e.extname), false)
        OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
                      AND d.classid = 'pg_catalog.pg_foreign_data_wrapper'::regclass)
), function AS (
    SELECT p.oid, d.refobjid AS extension, l.lanname AS language,
           d.refobjid IS NULL AND NOT l.lanpltrusted AND l.lanname <> 'internal' AS untrusted
      FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
      LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
            AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
     WHERE p.oid >= 16384
), way_out AS (
    SELECT coalesce((SELECT 'the extension ' || min(extname) FROM outward WHERE NOT extname = ANY($2::text[])),
                    (SELECT 'the function ' || min(oid::regproc::text) FROM function WHERE untrusted)) AS what
), uses AS (
    SELECT classid, objid, refclassid, refobjid FROM pg_catalog.pg_depend
     WHERE refclassid NOT IN ('pg_catalog.pg_namespace'::regclass, 'pg_catalog.pg_extension'::regclass)
       AND NOT (classid = 'pg_catalog.pg_class'::regclass AND refclassid = 'pg_catalog.pg_type'::regclass)
  UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, ev_class, 'pg_catalog.pg_rewrite'::regclass, oid
      FROM pg_catalog.pg_rewrite WHERE ev_type = '1'
  UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, inhparent, 'pg_catalog.pg_class'::regclass, inhrelid
      FROM pg_catalog.pg_inherits
  UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, contypid, 'pg_catalog.pg_constraint'::regclass, oid
      FROM pg_catalog.pg_constraint WHERE contypid <> 0
), reached AS (
    SELECT oid AS view, 'pg_catalog.pg_class'::regclass::oid AS class, oid AS object
      FROM pg_catalog.pg_class WHERE relkind = 'm'
  UNION
    SELECT reached.view, uses.refclassid, uses.refobjid
      FROM reached JOIN uses ON uses.classid = reached.class AND uses.objid = reached.object
), hit AS (
    SELECT view, 'the foreign table ' || ftrelid::regclass::text AS what
      FROM reached JOIN pg_catalog.pg_foreign_table ON ftrelid = object
     WHERE class = 'pg_catalog.pg_class'::regclass
  UNION ALL
    SELECT view, 'the function ' || f.oid::regproc::text ||
           CASE WHEN o.oid IS NOT NULL THEN ' of the extension ' || o.extname
                WHEN f.untrusted THEN ' in the language ' || f.language
                ELSE ', which could use ' || way_out.what END
      FROM reached JOIN function f ON f.oid = object LEFT JOIN outward o ON o.oid = f.extension CROSS JOIN way_out
     WHERE class = 'pg_catalog.pg_proc'::regclass
       AND (o.extname <> ALL($1::text[]) OR f.untrusted
            OR f.extension IS NULL AND f.language <> 'internal' AND way_out.what IS NOT NULL)
)
SELECT n.nspname AS schema, c.relname AS name, min(hit.what) AS what
  FROM hit JOIN pg_catalog.pg_class c ON c.oid = hit.view JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 GROUP BY 1, 2 ORDER BY 1, 2
"""
