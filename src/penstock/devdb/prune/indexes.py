"""Indexes of a table that is rewritten: dropped before its rows are written and made again after, as a load would.

Only plain ones. An index that carries a constraint, a comment, a replica identity, a partitioned index or anything else
that names it stays where it is, follows the rows, and is rebuilt at the end: what depends on it never notices.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.catalog.model import TableName
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table, and what makes it anew when the rows are there."""

    name: str  # quoted
    is_plain: bool  # it can be made again from its definition alone
    definition: str

    @property
    def rebuild(self) -> str:
        return self.definition if self.is_plain else f"REINDEX INDEX {self.name}"


def indexes_of(session: Session, leaf: TableName) -> tuple[Index, ...]:
    rows = session.fetch(_INDEXES_SQL, leaf.sql, doing=f"looking at the indexes of {leaf}")
    return tuple(Index(**row) for row in rows)


def drop_invalid(session: Session, leaf: TableName) -> None:
    """Invalid indexes: a unique one may refuse rows that its table holds already."""
    for row in session.fetch(_INVALID_SQL, leaf.sql, doing=f"looking at the indexes of {leaf}"):
        session.execute(f"DROP INDEX {row['name']}", doing=f"dropping an invalid index of {leaf}")


_INVALID_SQL = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indrelid = $1::text::regclass AND NOT i.indisvalid AND NOT c.relispartition
"""

_INDEXES_SQL = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, pg_catalog.pg_get_indexdef(c.oid) AS definition,
       NOT i.indisreplident AND NOT i.indisclustered AND NOT c.relispartition AND c.reltablespace = 0
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = c.oid AND k.contype <> 'f')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_description d
                    WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = c.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget >= 0) AS is_plain
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indrelid = $1::text::regclass AND i.indisvalid
 ORDER BY 1
"""
