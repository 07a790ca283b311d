"""Foreign keys off while rows come or go, and back, validated.

With them on, every deleted parent row asks every child table whether somebody still needs it: one query per row, and
a scan of the child where an index is missing. Off, nothing asks; put back NOT VALID and validated, each is one join.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from penstock.catalog.model import TableName, quote_identifier, quote_literal
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError


@dataclass(frozen=True, slots=True)
class Key:
    """A declared foreign key, and how to make it again."""

    table: str  # quoted
    name: str
    definition: str
    comment: str | None
    validated: bool
    # On either side. Before 18, PostgreSQL knows no NOT VALID key on a partitioned table; and one to a partitioned table has
    # a part per partition, which VALIDATE leaves as it is.
    partitioned: bool
    size: int  # of the table, in bytes

    @property
    def in_two_steps(self) -> bool:
        return self.validated and not self.partitioned

    def drop(self) -> str:
        return f"ALTER TABLE {self.table} DROP CONSTRAINT {quote_identifier(self.name)}"

    def add(self) -> str:
        later = " NOT VALID" if self.in_two_steps else ""
        return (
            f"ALTER TABLE {self.table} ADD CONSTRAINT {quote_identifier(self.name)} {self.definition}{later}"
        )

    def validate(self) -> str:
        return f"ALTER TABLE {self.table} VALIDATE CONSTRAINT {quote_identifier(self.name)}"


def take_off(session: Session, losing: Iterable[TableName], written: Iterable[TableName]) -> tuple[Key, ...]:
    """Drop the foreign keys that would ask: those to tables that are `losing` rows, and those of tables that are `written`.

    A key stays where only its child loses rows: nothing is asked of those.
    """
    rows = session.fetch(
        _KEYS_SQL,
        [name.sql for name in losing],
        [name.sql for name in written],
        doing="looking for foreign keys",
    )
    keys = tuple(Key(**row) for row in rows)
    for key in keys:
        session.execute(key.drop(), doing=f"taking off the foreign key {key.name}")
    return keys


def put_back(session: Session, key: Key) -> None:
    """Add it again, with its comment. One in two steps is not validated yet."""
    session.execute(key.add(), doing=f"putting back the foreign key {key.name}")
    if key.comment is not None:
        session.execute(
            f"COMMENT ON CONSTRAINT {quote_identifier(key.name)} ON {key.table} IS {quote_literal(key.comment)}",
            doing=f"putting back the comment of {key.name}",
        )


def validate(session: Session, key: Key) -> None:
    """Look at the rows, where that was left for later."""
    if key.in_two_steps:
        session.execute(key.validate(), doing=f"validating the foreign key {key.name}")


def is_broken(error: DatabaseError) -> bool:
    """Whether a constraint does not hold."""
    return "[SQLSTATE 23" in error.why


# A key on a partitioned table is one for its partitions too, on either side.
_KEYS_SQL = """
WITH RECURSIVE storing AS (
    SELECT oid AS top, oid FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p')
  UNION ALL
    SELECT storing.top, i.inhrelid FROM storing JOIN pg_catalog.pg_inherits i ON i.inhparent = storing.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition
)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table", k.conname::text AS name,
       pg_catalog.pg_get_constraintdef(k.oid) AS definition,
       pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment,
       k.convalidated AS validated, 'p' IN (c.relkind, parent.relkind) AS partitioned,
       pg_catalog.pg_relation_size(c.oid) AS size
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_class parent ON parent.oid = k.confrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0
   AND (EXISTS (SELECT FROM storing s WHERE s.top = k.confrelid AND s.oid = ANY ($1::text[]::regclass[]))
     OR EXISTS (SELECT FROM storing s WHERE s.top = k.conrelid AND s.oid = ANY ($2::text[]::regclass[])))
 ORDER BY k.oid
"""
