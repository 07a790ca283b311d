"""Triggers and rules of the tables that change are silent meanwhile: neither a prune nor an added row is a business event.

An audit trigger would write a row for each that goes, and a rule `ON DELETE DO INSTEAD NOTHING` would keep them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penstock.catalog.model import TableName
from penstock.engines.postgres.session import Session


def silence(session: Session, leaves: Iterable[TableName]) -> tuple[str, ...]:
    """Silence what rows of these tables would fire; returns the statements that arm it again as it was."""
    names = [name.sql for name in leaves]
    found = session.fetch(_ARMED_SQL, names, doing="looking for triggers and rules")
    for row in found:
        session.execute(row["off"], doing=f"silencing {row['name']}")
    return tuple(row["again"] for row in found)


def arm(session: Session, statements: Sequence[str]) -> None:
    for statement in statements:
        session.execute(statement, doing="arming triggers and rules again")


# Partitions after their parents, whose triggers take theirs along. What is disabled already stays so.
_ARMED_SQL = """
WITH RECURSIVE storing AS (
    SELECT n.name::regclass::oid AS oid FROM unnest($1::text[]) AS n(name)
  UNION
    SELECT i.inhparent FROM storing JOIN pg_catalog.pg_inherits i ON i.inhrelid = storing.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition
), affected AS (
    SELECT oid, 0 AS depth FROM storing
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = storing.oid AND c.relispartition)
  UNION ALL
    SELECT i.inhrelid, depth + 1 FROM affected JOIN pg_catalog.pg_inherits i ON i.inhparent = affected.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition
)
SELECT t.tgname::text AS name, depth,
       pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER %I', a.oid::regclass, t.tgname) AS off,
       pg_catalog.format('ALTER TABLE %s %s TRIGGER %I', a.oid::regclass,
           CASE t.tgenabled WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'D' THEN 'DISABLE'
                            ELSE 'ENABLE' END, t.tgname) AS again
  FROM affected a JOIN pg_catalog.pg_trigger t ON t.tgrelid = a.oid
 WHERE NOT t.tgisinternal
UNION ALL
SELECT r.rulename::text, depth,
       pg_catalog.format('ALTER TABLE %s DISABLE RULE %I', a.oid::regclass, r.rulename),
       pg_catalog.format('ALTER TABLE %s %s RULE %I', a.oid::regclass,
           CASE r.ev_enabled WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'D' THEN 'DISABLE'
                             ELSE 'ENABLE' END, r.rulename)
  FROM affected a JOIN pg_catalog.pg_rewrite r ON r.ev_class = a.oid
 WHERE r.ev_type <> '1'
 ORDER BY depth, 1
"""
