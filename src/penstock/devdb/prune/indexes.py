"""Indexes of a table that is rewritten: dropped before its rows are written and made again after, as a load would.

Only plain ones. An index that carries a constraint, a comment, a replica identity, a partitioned index or anything else
that names it stays where it is, follows the rows, and is rebuilt at the end: what depends on it never notices.
"""

from __future__ import annotations

from penstock.catalog.model import TableName
from penstock.engines.postgres.session import Session


def drop_plain(session: Session, leaf: TableName) -> tuple[str, ...]:
    """Drop what can be made again from its definition alone; returns the statements that do."""
    found = session.fetch(_PLAIN_SQL, leaf.sql, doing=f"looking at the indexes of {leaf}")
    for row in found:
        session.execute(f"DROP INDEX {row['name']}", doing=f"dropping the indexes of {leaf}")
    return tuple(row["definition"] for row in found)


def rebuild(session: Session, leaf: TableName, dropped: tuple[str, ...]) -> None:
    """The indexes that stayed, as compact as new ones, and those that were dropped."""
    stayed = session.fetch(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_index i "
        "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE i.indrelid = $1::text::regclass AND i.indisvalid ORDER BY 1",
        leaf.sql,
    )
    for row in stayed:
        session.execute(f"REINDEX INDEX {row['name']}", doing=f"rebuilding the indexes of {leaf}")
    for definition in dropped:
        session.execute(definition, doing=f"rebuilding the indexes of {leaf}")


_PLAIN_SQL = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, pg_catalog.pg_get_indexdef(c.oid) AS definition
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indrelid = $1::text::regclass AND i.indisvalid AND NOT i.indisreplident AND NOT i.indisclustered
   AND NOT c.relispartition AND c.reltablespace = 0
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = c.oid AND k.contype <> 'f')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_description d
                    WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = c.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget >= 0)
 ORDER BY 1
"""
