"""What else the catalogs say of the objects of an inventory, hashed: whatever ALTER can change and no definition there tells.

Hashed is an object's whole row in its catalog, but for what a server changes by itself, what an owner or a right is, and
numbers that another server would give otherwise; so that a setting nobody thought of is a change, too. A manifest keeps these
hashes beside those of the inventory: one that an older Penstock wrote has none, and nothing to compare with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from penstock.devdb.inventory import Item
from penstock.engines.postgres.reflect_queries import deparsed
from penstock.engines.postgres.session import Session

Address = tuple[int, int, int]
"""(oid of the catalog, oid in it, number of a column or 0)"""


def take(session: Session) -> dict[Address, str]:
    """The hash of every object of the database that is no part of the server. The session's settings must be pinned."""
    rows = session.fetch(_DETAILS_SQL, doing="listing what the database holds")
    return {(row["c"], row["oid"], row["part"]): row["hash"] for row in rows}


def as_document(items: Iterable[Item], found: Mapping[Address, str]) -> dict[str, dict[str, str]]:
    """The form a manifest keeps: by kind and identity, as the inventory."""
    document: dict[str, dict[str, str]] = {}
    for item in items:
        if address := found.get((item.catalog_oid, item.oid, item.part)):
            document.setdefault(item.kind, {})[item.identity] = address
    return document


# What a server writes there by itself, or a change of something else does.
_VOLATILE = {
    "pg_class": "relpages,relallvisible,relallfrozen,relnatts,relchecks,relhasindex,relhasrules,relhastriggers,relhassubclass,"
    "relispopulated",
    "pg_attribute": "attnum,attcacheoff,atthasmissing,atthasdef,attislocal,attinhcount",
    "pg_collation": "collversion",
}
_COMPARED = "{name,bool,char,int2,int4,text,_text,regproc}"
"""Types of columns that mean the same on every server: no oid, no tree of them, no access list."""


def _row(catalog: str, alias: str) -> str:
    """An expression: the row of a catalog as JSON, without what does not count."""
    return (
        f"(pg_catalog.to_jsonb({alias}) - (SELECT pg_catalog.array_agg(k.attname::text) FROM pg_catalog.pg_attribute k "
        f"JOIN pg_catalog.pg_type y ON y.oid = k.atttypid WHERE k.attrelid = 'pg_catalog.{catalog}'::regclass "
        f"AND (y.typname <> ALL ('{_COMPARED}'::name[]) OR k.attname = ANY ('{{{_VOLATILE.get(catalog, '')}}}'::name[]))))"
    )


def _plain(catalog: str) -> str:
    return (
        f"SELECT 'pg_catalog.{catalog}'::regclass AS class, o.oid, 0 AS part, {_row(catalog, 'o')}::text AS text "
        f"FROM pg_catalog.{catalog} o WHERE o.oid >= 16384"
    )


_ALONE = (
    "pg_type",
    "pg_rewrite",
    "pg_ts_dict",
    "pg_operator",
    "pg_collation",
    "pg_statistic_ext",
    "pg_extension",
)
_COLUMN, _DEFAULT = _row("pg_attribute", "a"), f"pg_catalog.pg_get_expr(d.adbin, {deparsed('a', 'd')})"

# Of tables the oddments have those four. Views and materialised views have their columns in them.
_DETAILS_SQL = f"""
WITH own AS (
    {" UNION ALL ".join(map(_plain, _ALONE))}
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 0,
           concat_ws(' ', {_row("pg_class", "c")} - CASE WHEN c.relkind IN ('r', 'p')
                     THEN ARRAY['relforcerowsecurity', 'relreplident', 'relpersistence', 'reloptions'] ELSE '{{}}' END,
             (SELECT string_agg(h.inhparent::regclass::text, ',' ORDER BY h.inhseqno)
                FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid),
             (SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisclustered),
             (SELECT t.ftoptions::text FROM pg_catalog.pg_foreign_table t WHERE t.ftrelid = c.oid),
             (SELECT string_agg(concat_ws(' ', {_COLUMN}, {_DEFAULT}), ',' ORDER BY a.attnum)
                FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('v', 'm')))
      FROM pg_catalog.pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, a.attnum, {_COLUMN}::text
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::regclass, p.oid, 0,
           concat_ws(' ', {_row("pg_policy", "p")}, (SELECT string_agg(r.rolname, ',' ORDER BY r.rolname)
                       FROM pg_catalog.pg_roles r WHERE r.oid = ANY (p.polroles)))
      FROM pg_catalog.pg_policy p
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid, 0, concat_ws(' ', {_row("pg_proc", "p")}, {
    _row("pg_aggregate", "g")
})
      FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_aggregate g ON g.aggfnoid = p.oid WHERE p.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::regclass, o.oid, 0,
           concat_ws(' ', {_row("pg_ts_config", "o")},
             (SELECT string_agg(concat_ws(' ', m.maptokentype, m.mapseqno, m.mapdict::regdictionary), ','
                                ORDER BY m.maptokentype, m.mapseqno)
                FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = o.oid))
      FROM pg_catalog.pg_ts_config o WHERE o.oid >= 16384
)
SELECT class::oid::int8 AS c, oid::int8 AS oid, part::int4 AS part,
       pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(text, 'UTF8')), 'hex'), 12) AS hash
  FROM own
"""
