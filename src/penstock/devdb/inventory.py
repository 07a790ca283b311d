"""What a database holds, object by object, in one query: taken when a copy is made, and compared when it is to go.

Only names, and hashes of definitions. Objects of extensions, row types, and what belongs to a table anyway (its TOAST,
its own sequence) are no objects of their own here; Penstock's own schema is none of the copy's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from penstock.catalog.model import MANIFEST
from penstock.engines.postgres.reflect_queries import deparsed
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a live database."""

    kind: str
    identity: str  # qualified and quoted, as SQL takes it
    hash: str
    catalog_oid: int  # as archives of pg_dump name objects
    oid: int
    part: int  # a column's number; 0: the whole of it
    owner: str  # "" where the object has none of its own
    schema: str  # raw; of a schema, its own name
    name: str  # raw; of a part of a table, the table's


def take(session: Session) -> tuple[Item, ...]:
    """Everything there is, by kind and identity. The session's settings must be pinned: identities depend on the path."""
    rows = session.fetch(_ITEMS_SQL, MANIFEST.schema, doing="listing what the database holds")
    return tuple(
        Item(
            row["kind"], row["identity"], row["hash"], row["c"], row["oid"], row["part"],
            row["owner"] or "", row["schema"], row["name"],
        )
        for row in rows
    )  # fmt: skip


def as_document(items: Iterable[Item], rights: Iterable[str]) -> dict[str, dict[str, str]]:
    """The form a manifest keeps."""
    found: dict[str, dict[str, str]] = {"grant": dict.fromkeys(rights, "")}
    for item in items:
        found.setdefault(item.kind, {})[item.identity] = item.hash
    return found


# `own` has what is to be described, with the text its hash is of.
_ITEMS_SQL = f"""
WITH extension_member AS (
    SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
), space AS (
    SELECT oid, nspname, nspowner FROM pg_catalog.pg_namespace n
     WHERE nspname <> $1 AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
       AND NOT EXISTS (SELECT FROM extension_member WHERE classid = 'pg_catalog.pg_namespace'::regclass AND objid = n.oid)
), relation AS (
    SELECT c.*, s.nspname FROM pg_catalog.pg_class c JOIN space s ON s.oid = c.relnamespace
     WHERE NOT EXISTS (SELECT FROM extension_member WHERE classid = 'pg_catalog.pg_class'::regclass AND objid = c.oid)
), stored AS (
    SELECT * FROM relation WHERE relkind IN ('r', 'p', 'f', 'v', 'm')
), own AS (
    SELECT 'pg_catalog.pg_namespace'::regclass AS class, oid, 0 AS part, nspowner AS owner, nspname AS schema,
           nspname AS name, '' AS text
      FROM space
    UNION ALL
    SELECT 'pg_catalog.pg_extension'::regclass, e.oid, 0, e.extowner, n.nspname, e.extname, ''
      FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, oid, 0, relowner, nspname, relname,
           relrowsecurity::text || coalesce(pg_catalog.pg_get_viewdef(oid), '')
      FROM stored
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, r.oid, 0, relowner, nspname, relname, ''
      FROM relation r WHERE relkind = 'S'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                          AND d.objid = r.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0)
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, r.oid, 0, 0, r.nspname, t.relname, pg_catalog.pg_get_indexdef(r.oid)
      FROM relation r JOIN pg_catalog.pg_index i ON i.indexrelid = r.oid JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
     WHERE r.relkind IN ('i', 'I')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = r.oid AND k.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, s.oid, a.attnum, 0, s.nspname, s.relname,
           concat_ws(' ', pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                     pg_catalog.pg_get_expr(d.adbin, {deparsed("a", "d")}))
      FROM stored s JOIN pg_catalog.pg_attribute a ON a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE s.relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass, k.oid, 0, 0, coalesce(s.nspname, n.nspname), coalesce(s.relname, t.typname),
           pg_catalog.pg_get_constraintdef(k.oid)
      FROM pg_catalog.pg_constraint k LEFT JOIN stored s ON s.oid = k.conrelid
      LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid LEFT JOIN space n ON n.oid = t.typnamespace
     WHERE k.contype NOT IN ('t', 'n') AND (s.oid IS NOT NULL OR n.oid IS NOT NULL)
    UNION ALL
    SELECT 'pg_catalog.pg_trigger'::regclass, g.oid, 0, 0, s.nspname, s.relname,
           g.tgenabled::text || pg_catalog.pg_get_triggerdef(g.oid)
      FROM pg_catalog.pg_trigger g JOIN stored s ON s.oid = g.tgrelid WHERE NOT g.tgisinternal
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::regclass, r.oid, 0, 0, s.nspname, s.relname, pg_catalog.pg_get_ruledef(r.oid)
      FROM pg_catalog.pg_rewrite r JOIN stored s ON s.oid = r.ev_class WHERE r.rulename <> '_RETURN'
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::regclass, p.oid, 0, 0, s.nspname, s.relname,
           concat_ws(' ', p.polcmd, p.polpermissive, pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                     pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
      FROM pg_catalog.pg_policy p JOIN stored s ON s.oid = p.polrelid
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid, 0, p.proowner, s.nspname, p.proname,
           CASE WHEN p.prokind = 'a' THEN '' ELSE pg_catalog.pg_get_functiondef(p.oid) END
      FROM pg_catalog.pg_proc p JOIN space s ON s.oid = p.pronamespace
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
                                                            AND d.deptype IN ('e', 'i'))
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid, 0, t.typowner, s.nspname, t.typname,
           concat_ws(' ', t.typtype, pg_catalog.format_type(t.typbasetype, t.typtypmod),
                     (SELECT string_agg(e.enumlabel::text, ',' ORDER BY e.enumsortorder)
                        FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid),
                     (SELECT string_agg(concat_ws(' ', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)), ','
                                        ORDER BY a.attnum)
                        FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
      FROM pg_catalog.pg_type t JOIN space s ON s.oid = t.typnamespace LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
     WHERE (t.typrelid = 0 OR c.relkind = 'c') AND t.typtype IN ('b', 'c', 'd', 'e', 'r') AND t.typcategory <> 'A'
       AND NOT EXISTS (SELECT FROM extension_member WHERE classid = 'pg_catalog.pg_type'::regclass AND objid = t.oid)
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::regclass, o.oid, 0, o.oprowner, s.nspname, o.oprname, ''
      FROM pg_catalog.pg_operator o JOIN space s ON s.oid = o.oprnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_opfamily'::regclass, o.oid, 0, o.opfowner, s.nspname, o.opfname, ''
      FROM pg_catalog.pg_opfamily o JOIN space s ON s.oid = o.opfnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_opclass'::regclass, o.oid, 0, o.opcowner, s.nspname, o.opcname, ''
      FROM pg_catalog.pg_opclass o JOIN space s ON s.oid = o.opcnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_collation'::regclass, o.oid, 0, o.collowner, s.nspname, o.collname, ''
      FROM pg_catalog.pg_collation o JOIN space s ON s.oid = o.collnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_conversion'::regclass, o.oid, 0, o.conowner, s.nspname, o.conname, ''
      FROM pg_catalog.pg_conversion o JOIN space s ON s.oid = o.connamespace
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::regclass, o.oid, 0, o.dictowner, s.nspname, o.dictname, coalesce(o.dictinitoption, '')
      FROM pg_catalog.pg_ts_dict o JOIN space s ON s.oid = o.dictnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::regclass, o.oid, 0, o.cfgowner, s.nspname, o.cfgname, ''
      FROM pg_catalog.pg_ts_config o JOIN space s ON s.oid = o.cfgnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass, o.oid, 0, o.stxowner, s.nspname, o.stxname,
           pg_catalog.pg_get_statisticsobjdef(o.oid)
      FROM pg_catalog.pg_statistic_ext o JOIN space s ON s.oid = o.stxnamespace
)
SELECT i.type AS kind, i.identity, own.class::oid::int8 AS c, own.oid::int8 AS oid,
       own.part::int4 AS part,
       pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(own.text, 'UTF8')), 'hex'), 12) AS hash,
       CASE WHEN own.owner <> 0 THEN pg_catalog.pg_get_userbyid(own.owner)::text END AS owner,
       own.schema::text AS schema, own.name::text AS name
  FROM own, pg_catalog.pg_identify_object(own.class, own.oid, own.part) i
 WHERE NOT EXISTS (SELECT FROM extension_member e WHERE e.classid = own.class AND e.objid = own.oid)
 ORDER BY 1, 2
"""
