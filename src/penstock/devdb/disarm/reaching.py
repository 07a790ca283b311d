"""Which materialised views of the copy stay empty: those whose query could read what is not in their database, and those
that cannot be filled because the source has not filled what they stand on.

A materialised view runs its query in the target, where dblink, a foreign table or a function could read rows of
production that no mask has seen. What it stands on is asked of the source's own catalog (pg_depend), never of the text of
the query.
"""

from __future__ import annotations

from collections.abc import Mapping

from penstock.catalog.model import TableName
from penstock.devdb.disarm.expressions import callers
from penstock.engines.postgres.session import Session


def empty_views(source: Session) -> Mapping[TableName, str]:
    """The materialised views that are not filled, each with the reason. One that the source itself has not filled is as
    it was there: no reason."""
    found = {TableName(row["schema"], row["name"]): row["why"] for row in source.fetch(_UNFILLED_SQL)}
    rows = source.fetch(_REACHING_SQL, [*_INWARD], [*_INWARD, *_OF_THE_SERVER])
    found |= {part.table: f"its query {part.why}" for part in callers(source) if part.kind == "query"}
    return found | {TableName(row["schema"], row["name"]): f"its query uses {row['what']}" for row in rows}


# Only a superuser may install these, but their functions compute from their arguments alone.
_INWARD = ("earthdistance", "postgis")
# These show the server's state, which is no view's business, but lend no function a way out.
_OF_THE_SERVER = ("amcheck", "pg_buffercache", "pg_prewarm", "pg_stat_statements", "pgaudit", "pgstattuple")

_UNFILLED_SQL = """
WITH RECURSIVE above AS (
    SELECT oid AS view, '' AS below FROM pg_catalog.pg_class WHERE relkind = 'm' AND NOT relispopulated
  UNION
    SELECT r.ev_class, CASE above.below WHEN '' THEN above.view::regclass::text ELSE above.below END
      FROM above JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = above.view
       AND d.classid = 'pg_catalog.pg_rewrite'::regclass
      JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.ev_class <> above.view
)
SELECT n.nspname AS schema, c.relname AS name,
       CASE WHEN c.relispopulated THEN 'it stands on ' || min(above.below) || ', which the source has not filled'
            ELSE '' END AS why
  FROM above JOIN pg_catalog.pg_class c ON c.oid = above.view JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm' GROUP BY 1, 2, c.relispopulated
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
