"""Tables and views that a copy does not have, not even in structure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from penstock.catalog.model import Catalog, TableName
from penstock.devdb.disarm.left_out import LeftOut
from penstock.devdb.disarm.secrets import views_with_secrets
from penstock.engines.postgres.session import Session


def with_leaves(catalog: Catalog, tables: Iterable[TableName]) -> Iterator[TableName]:
    """Tables and, where they are partitioned, everything below them."""
    wanted = set(tables)
    for table in catalog:
        if table.name in wanted or (table.is_partition and catalog.root_of(table.name) in wanted):
            yield table.name


def left_out_tables(
    source: Session,
    catalog: Catalog,
    skip: Iterable[TableName],
    armed: Mapping[TableName, LeftOut] | None = None,
) -> Mapping[TableName, LeftOut]:
    """Skipped tables, their partitions, views that quote a secret, what is `armed`, and the views that stand on any of
    them."""
    gone = dict(armed or {}) | {
        name: LeftOut(f"view {name}", "its query quotes a password or a token")
        for name in views_with_secrets(catalog)
    }
    for name in with_leaves(catalog, skip):
        kind = "foreign table" if catalog.tables[name].kind == "foreign" else "table"
        gone[name] = LeftOut(f"{kind} {name}", "listed in `skip`")
    if gone:
        for row in source.fetch(_DEPENDENT_VIEWS_SQL, [name.sql for name in gone]):
            name = TableName(row["schema"], row["name"])
            gone.setdefault(name, LeftOut(f"view {name}", "depends on what is left out"))
    return gone


_DEPENDENT_VIEWS_SQL = """
WITH RECURSIVE gone AS (
    SELECT c.oid FROM unnest($1::text[]) AS n(name) JOIN pg_catalog.pg_class c ON c.oid = n.name::regclass
  UNION
    SELECT r.ev_class FROM gone
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = gone.oid
                               AND d.classid = 'pg_catalog.pg_rewrite'::regclass
    JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
)
SELECT n.nspname AS schema, c.relname AS name FROM gone
  JOIN pg_catalog.pg_class c ON c.oid = gone.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm')
"""
