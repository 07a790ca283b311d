"""What follows from the rows: materialised views, in the order they depend on each other, and statistics."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from penstock.catalog.model import TableName
from penstock.devdb.disarm.reaching import empty_views
from penstock.engines.postgres.session import Session


def fill_views(target: Session, left_out: AbstractSet[TableName]) -> list[TableName]:
    """Fill the materialised views but those `left_out`; returns which."""
    rows = target.fetch(_MATERIALIZED_SQL)
    names = [name for row in rows if (name := TableName(row["schema"], row["name"])) not in left_out]
    for name in names:
        target.execute(f"REFRESH MATERIALIZED VIEW {name.sql}", doing=f"filling the materialised view {name}")
    return names


def filled_views(session: Session) -> list[TableName]:
    """The materialised views that hold rows, each after those it stands on."""
    rows = session.fetch(_MATERIALIZED_SQL)
    return [TableName(row["schema"], row["name"]) for row in rows if row["filled"]]


def refill_views(target: Session) -> None:
    """Fill those that are filled once more, from other rows. One that cannot be asked (`disarm.reaching`) is emptied: what it
    shows may be gone."""
    filled = set(filled_views(target))
    unaskable = frozenset(empty_views(target))
    for name in filled & unaskable:
        target.execute(
            f"REFRESH MATERIALIZED VIEW {name.sql} WITH NO DATA",
            doing=f"emptying the materialised view {name}",
        )
    fill_views(target, unaskable)


def analyze(target: Session) -> None:
    """Gather statistics, but of no table that foreign ones inherit from: that would ask the other server, the one that
    production asks."""
    tables = target.fetchval(ANALYZED_SQL)
    if tables is not None:
        target.execute(f"ANALYZE {tables}", doing="gathering statistics")


# Names, and not all there is: the system's own tables are most of a small database, and know themselves well enough.
ANALYZED_SQL = """
WITH RECURSIVE above AS (
    SELECT i.inhparent AS oid FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = i.inhrelid
  UNION
    SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN above ON above.oid = i.inhrelid
)
SELECT string_agg(c.oid::regclass::text, ', ') AS tables
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND c.oid NOT IN (SELECT oid FROM above)
   AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""

_MATERIALIZED_SQL = """
WITH RECURSIVE depends AS (
    SELECT DISTINCT r.ev_class AS view, d.refobjid AS on_view
      FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
     WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.refobjid <> r.ev_class
), depth AS (
    SELECT oid AS view, 0 AS level FROM pg_catalog.pg_class WHERE relkind IN ('v', 'm')
  UNION
    SELECT d.view, depth.level + 1 FROM depth JOIN depends d ON d.on_view = depth.view
)
SELECT n.nspname AS schema, c.relname AS name, c.relispopulated AS filled
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN depth ON depth.view = c.oid
 WHERE c.relkind = 'm'
 GROUP BY n.nspname, c.relname, c.relispopulated ORDER BY max(depth.level), 1
"""
