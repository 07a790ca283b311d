"""Constraints that the rows need not hold: CHECK and NOT NULL that are NOT VALID, off while rows are written.

Whoever added one so left the old rows as they are; but an INSERT or UPDATE of such a row looks at it again, and a prune writes
rows that were there before. Taken off where they are declared, and put back as they were, also in what inherits them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from penstock.catalog.model import TableName, quote_identifier, quote_literal
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class Unproven:
    """What was taken off."""

    add: tuple[str, ...]  # in the order it is to be put back
    tables: tuple[str, ...]  # quoted; those written, by which what stood is found again
    stood: Mapping[tuple[str, str], tuple[bool, str | None]]  # (table, name): validated, comment


def take_off(session: Session, written: Iterable[TableName]) -> Unproven:
    """Drop those that `written` tables have or inherit. Part of the caller's transaction."""
    tables = tuple(name.sql for name in written)
    add: list[str] = []
    stood = _standing(session, tables)
    while found := session.fetch(
        _UNPROVEN_SQL, list(tables), doing="looking for constraints that are NOT VALID"
    ):
        # Dropped where it is declared; what a child declared too stands there by itself then, and is the next to go.
        for row in found:
            name = quote_identifier(row["name"])
            session.execute(
                f"ALTER TABLE {row['table']} DROP CONSTRAINT {name}",
                doing=f"taking off the constraint {row['name']}",
            )
            add.append(f"ALTER TABLE {row['table']} ADD CONSTRAINT {name} {row['definition']}")
    return Unproven(tuple(reversed(add)), tables, stood if add else {})


def put_back(session: Session, taken: Unproven) -> None:
    """Add them again, NOT VALID, with the comments; and validate those of single partitions that were."""
    if not taken.add:
        return
    for statement in taken.add:
        session.execute(statement, doing="putting back constraints that are NOT VALID")
    now = _standing(session, taken.tables)
    for (table, name), (validated, comment) in taken.stood.items():
        is_valid, said = now.get((table, name), (False, None))
        if validated and not is_valid:
            session.execute(
                f"ALTER TABLE {table} VALIDATE CONSTRAINT {quote_identifier(name)}",
                doing=f"validating {name} of {table}",
            )
        if comment is not None and comment != said:
            session.execute(
                f"COMMENT ON CONSTRAINT {quote_identifier(name)} ON {table} IS {quote_literal(comment)}",
                doing=f"putting back the comment of {name}",
            )


def _standing(session: Session, tables: Iterable[str]) -> dict[tuple[str, str], tuple[bool, str | None]]:
    rows = session.fetch(_STANDING_SQL, list(tables), doing="looking at constraints")
    return {(row["table"], row["name"]): (row["validated"], row["comment"]) for row in rows}


_ABOVE = """
WITH RECURSIVE above AS (
    SELECT n.name::regclass::oid AS oid FROM unnest($1::text[]) AS n(name)
  UNION
    SELECT i.inhparent FROM above JOIN pg_catalog.pg_inherits i ON i.inhrelid = above.oid
)"""

# What is NOT ENFORCED is never looked at. Before 18, constraints of kind "n" are none.
_UNPROVEN_SQL = f"""{_ABOVE}
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table", k.conname::text AS name,
       pg_catalog.pg_get_constraintdef(k.oid) AS definition
  FROM above JOIN pg_catalog.pg_constraint k ON k.conrelid = above.oid
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype IN ('c', 'n') AND NOT k.convalidated AND k.coninhcount = 0
   AND coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true'
 ORDER BY k.oid
"""

_STANDING_SQL = f"""{_ABOVE}, tree AS (
    SELECT oid FROM above
  UNION
    SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table", k.conname::text AS name,
       k.convalidated AS validated, pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
  FROM tree JOIN pg_catalog.pg_constraint k ON k.conrelid = tree.oid
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype IN ('c', 'n')
"""
