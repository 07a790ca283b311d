"""Parts of tables and views that call out: CHECKs, generated columns, indexes and the like, which are evaluated while a copy
is built and verified; defaults, policies, rules and conditions of triggers, which wait for the first who uses it.

What an expression uses the catalog knows (pg_depend), through operators, operator classes, types, domains and views.
Whether a function calls out is asked of outward.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from penstock.catalog.model import Catalog, TableName
from penstock.devdb.disarm.functions import calling_out
from penstock.engines.postgres.session import Session
from penstock.errors import SourceRefused


@dataclass(frozen=True, slots=True)
class Calling:
    """A part of a relation that calls out."""

    table: TableName
    kind: str  # "CHECK", "index", "default", "rule", …
    name: str
    why: str  # "calls public.hit, which uses the extension dblink"
    evaluated: bool  # while a copy is built or verified
    of_view: bool
    cloned: bool  # a partition's, of its parent's

    @property
    def what(self) -> str:
        """For people."""
        return f"the {self.kind} of {self.table}.{self.name}" if self.kind in _OF_COLUMN else (
            f"the {self.kind} of {self.table}" if not self.name else f"the {self.kind} {self.name} of {self.table}"
        )  # fmt: skip


def callers(session: Session) -> tuple[Calling, ...]:
    """Everything that calls out, but what belongs to an extension."""
    out = calling_out(session)
    if not out:
        return ()
    return tuple(
        Calling(
            TableName(row["schema"], row["table"]),
            row["kind"],
            row["name"],
            f"calls {row['called']}, which {out[row['function']]}",
            evaluated=row["kind"] in _EVALUATED and row["relkind"] in ("r", "p", "m"),
            of_view=row["relkind"] in ("v", "m"),
            cloned=row["cloned"],
        )
        for row in session.fetch(_CALLERS_SQL, [*out])
    )


def evaluated(source: Session, catalog: Catalog, skip: Collection[TableName]) -> Iterator[SourceRefused]:
    """Why a copy of these tables cannot be built without calling out."""
    for found in callers(source):
        if found.evaluated and not found.cloned and catalog.root_of(found.table) not in skip:
            yield SourceRefused(
                f"{found.what} {found.why}",
                why="it is evaluated while the copy is built and verified, which would reach what production reaches",
                hint=f"put {catalog.root_of(found.table)} in `skip`, or set disarm = false"
                if not found.of_view
                else "drop it in the source, or set disarm = false",
            )


def waiting(source: Session, catalog: Catalog, skip: Collection[TableName]) -> Iterator[str]:
    """Warnings of what calls out once it is used, and cannot be switched off."""
    for found in callers(source):
        if (
            not (found.evaluated or found.cloned)
            and found.kind in (*_WAITING, *_EVALUATED)
            and catalog.root_of(found.table) not in skip
        ):
            yield f"{found.what} {found.why}, and arrives as it is: whoever uses it in the copy calls out"


_EVALUATED = (
    "CHECK", "key", "exclusion constraint", "generated column", "index", "statistics", "partition key", "type",
)  # fmt: skip
_WAITING = ("default", "policy")
_OF_COLUMN = ("default", "type", "generated column")

# `uses`: of a function, its arguments' domains and, with a body that SQL parsed, what that says; of relations only
# views, and never those that a rule or an index is of.
_CALLERS_SQL = """
WITH RECURSIVE uses AS (
    SELECT d.classid, d.objid, d.refclassid, d.refobjid
      FROM pg_catalog.pg_depend d LEFT JOIN pg_catalog.pg_class v
        ON d.refclassid = 'pg_catalog.pg_class'::regclass AND v.oid = d.refobjid AND v.relkind IN ('v', 'm')
       AND d.classid <> 'pg_catalog.pg_class'::regclass
      LEFT JOIN pg_catalog.pg_rewrite w ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND w.oid = d.objid
      LEFT JOIN pg_catalog.pg_trigger t ON d.classid = 'pg_catalog.pg_trigger'::regclass AND t.oid = d.objid
     WHERE d.deptype <> 'p' AND d.refobjid >= 16384 AND t.tgfoid IS DISTINCT FROM d.refobjid
       AND (v.oid IS DISTINCT FROM w.ev_class AND v.oid IS NOT NULL
            OR d.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass,
                                'pg_catalog.pg_opclass'::regclass, 'pg_catalog.pg_type'::regclass))
  UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, contypid, 'pg_catalog.pg_constraint'::regclass, oid
      FROM pg_catalog.pg_constraint WHERE contypid <> 0
  UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, c.reltype, 'pg_catalog.pg_type'::regclass, a.atttypid
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
     WHERE c.reltype <> 0 AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384
  UNION ALL
    SELECT 'pg_catalog.pg_opclass'::regclass, o.oid, 'pg_catalog.pg_proc'::regclass, p.amproc
      FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_amproc p ON p.amprocfamily = o.opcfamily
  UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, ev_class, 'pg_catalog.pg_rewrite'::regclass, oid
      FROM pg_catalog.pg_rewrite WHERE rulename = '_RETURN'
), part AS (
    SELECT CASE contype WHEN 'c' THEN 'CHECK' WHEN 'x' THEN 'exclusion constraint' ELSE 'key' END AS kind, conrelid AS relation,
           conname::text AS name, 'pg_catalog.pg_constraint'::regclass::oid AS class, oid AS object, NOT conislocal AS cloned
      FROM pg_catalog.pg_constraint WHERE conrelid <> 0
  UNION ALL
    SELECT CASE a.attgenerated WHEN '' THEN 'default' ELSE 'generated column' END, adrelid, attname,
           'pg_catalog.pg_attrdef'::regclass, d.oid, false
      FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
  UNION ALL
    SELECT 'type', attrelid, attname, 'pg_catalog.pg_type'::regclass, atttypid, false
      FROM pg_catalog.pg_attribute WHERE attnum > 0 AND NOT attisdropped AND atttypid >= 16384
  UNION ALL
    SELECT CASE WHEN x.indisexclusion THEN 'exclusion constraint' ELSE 'index' END, x.indrelid, c.relname,
           'pg_catalog.pg_class'::regclass, c.oid, c.relispartition
      FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
  UNION ALL
    SELECT 'statistics', stxrelid, stxname, 'pg_catalog.pg_statistic_ext'::regclass, oid, false
      FROM pg_catalog.pg_statistic_ext
  UNION ALL
    SELECT CASE WHEN a.attnum IS NULL THEN 'partition key' ELSE 'generated column' END, d.objid, coalesce(a.attname, ''),
           d.refclassid, d.refobjid, false
      FROM pg_catalog.pg_depend d
      LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid AND d.objsubid > 0
     WHERE d.classid = 'pg_catalog.pg_class'::regclass
       AND d.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_opclass'::regclass)
       AND (a.attgenerated <> ''  -- before PostgreSQL 15 these are the column's, not its expression's
            OR d.objsubid = 0 AND EXISTS (SELECT FROM pg_catalog.pg_partitioned_table WHERE partrelid = d.objid))
  UNION ALL
    SELECT 'policy', polrelid, polname, 'pg_catalog.pg_policy'::regclass, oid, false FROM pg_catalog.pg_policy
  UNION ALL
    SELECT CASE rulename WHEN '_RETURN' THEN 'query' ELSE 'rule' END, ev_class, rulename,
           'pg_catalog.pg_rewrite'::regclass, oid, false
      FROM pg_catalog.pg_rewrite
     WHERE ev_enabled <> 'D'
       AND (rulename <> '_RETURN' OR ev_class IN (SELECT oid FROM pg_catalog.pg_class WHERE relkind = 'm'))
  UNION ALL
    SELECT 'trigger', tgrelid, tgname, 'pg_catalog.pg_trigger'::regclass, oid, tgparentid <> 0
      FROM pg_catalog.pg_trigger WHERE tgqual IS NOT NULL AND tgenabled IN ('O', 'A')
), reached AS (
    SELECT kind, relation, name, cloned, class, object FROM part
  UNION
    SELECT r.kind, r.relation, r.name, r.cloned, uses.refclassid, uses.refobjid
      FROM reached r JOIN uses ON uses.classid = r.class AND uses.objid = r.object
)
SELECT r.kind, n.nspname::text AS schema, c.relname::text AS table, c.relkind::text AS relkind, r.name, r.cloned,
       f.function, f.function::oid::regproc::text AS called
  FROM (SELECT kind, relation, name, bool_and(cloned) AS cloned, min(object::int8) AS function FROM reached
         WHERE class = 'pg_catalog.pg_proc'::regclass AND object = ANY($1::int8[]::oid[]) GROUP BY 1, 2, 3) AS r
  CROSS JOIN LATERAL (SELECT r.function) AS f
  JOIN pg_catalog.pg_class c ON c.oid = r.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass
                      AND e.objid = c.oid AND e.deptype = 'e')
   AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
 ORDER BY 2, 3, 1, 5
"""
