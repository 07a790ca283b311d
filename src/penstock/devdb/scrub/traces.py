"""Old values where no table's rows are: dead rows and dropped columns of tables that no mask rewrote, statistics, large
objects. All of them get new files.

ANALYZE alone does not do: what it replaces stays in dead rows of pg_statistic, and of a table without rows it replaces
nothing. A superuser forgets all statistics first. For other roles it is looked whether any might be old.
"""

from __future__ import annotations

from collections.abc import Iterator

from penstock.catalog.model import TableName
from penstock.devdb.build import analyze
from penstock.devdb.scrub.work import Work
from penstock.engines.postgres.session import Session
from penstock.errors import Finding

_CATALOGS = ("pg_statistic", "pg_statistic_ext_data", "pg_largeobject", "pg_description")
_BATCH = 1_000  # each large object takes a lock until the end of its transaction
_CLEAR_SINCE = 18

OUT_OF_REACH = (
    "WAL, and its archive",
    "storage snapshots, backups and replicas of this database",
    "disk blocks that the file system has freed and not yet used again",
    "the server's log",
)


def drop_large_objects(session: Session) -> int:
    """Remove them all, some at a time; how many there were."""
    count = 0
    query = (
        "SELECT count(pg_catalog.lo_unlink(oid)) FROM "
        f"(SELECT oid FROM pg_catalog.pg_largeobject_metadata LIMIT {_BATCH}) AS portion"
    )
    while gone := session.fetchval(query, doing="dropping large objects"):
        count += int(gone)
    return count


def not_rewritten(work: Work) -> Iterator[TableName]:
    """The tables that still have the files they had."""
    touched = set(work.touched)
    for table in work.catalog:
        if table.holds_rows and work.catalog.root_of(table.name) not in touched:
            yield table.name


def rewrite(session: Session, name: TableName) -> None:
    """Give a table new files: without dead rows, and without what dropped columns held. Outside a transaction."""
    session.execute(f"VACUUM (FULL) {name.sql}", doing=f"rewriting {name}")


def renew_statistics(session: Session) -> None:
    """Statistics of what is there now, in new files. Outside a transaction. Raises `Finding` where old ones stay."""
    superuser = session.fetchval("SELECT pg_catalog.current_setting('is_superuser') = 'on'")
    clears = session.connection.get_server_version().major >= _CLEAR_SINCE
    with session.transaction():
        if superuser:
            session.execute(
                "DELETE FROM pg_catalog.pg_statistic; DELETE FROM pg_catalog.pg_statistic_ext_data",
                doing="forgetting the statistics",
            )
        elif clears:
            session.fetch(_CLEAR_SQL, doing="forgetting the statistics")
    with session.transaction():
        analyze(session)
    if not superuser:
        _require_no_old_ones(session)
    for name in _CATALOGS:
        session.execute(f"VACUUM (FULL) pg_catalog.{name}", doing=f"rewriting {name}")


def _require_no_old_ones(session: Session) -> None:
    old = [row["name"] for row in session.fetch(_OLD_SQL)]
    if old:
        more = f" and {len(old) - 1} more" if len(old) > 1 else ""
        raise Finding(
            f"the statistics of {old[0]}{more} may be old ones",
            why="ANALYZE replaces none of a table without rows, and only a superuser may remove them",
            hint=f"have a superuser run, in {session.database}: DELETE FROM pg_statistic; DELETE FROM pg_statistic_ext_data;",
        )


_CLEAR_SQL = """
SELECT pg_catalog.pg_clear_attribute_stats(schemaname, tablename, attname, inherited) FROM pg_catalog.pg_stats
 WHERE schemaname NOT LIKE 'pg\\_%' AND schemaname <> 'information_schema'
"""

_OLD_SQL = """
SELECT DISTINCT c.oid::regclass::text AS name
  FROM (SELECT schemaname, tablename, attname FROM pg_catalog.pg_stats
        UNION ALL SELECT schemaname, tablename, NULL FROM pg_catalog.pg_stats_ext) s
  JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
 WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
   AND (c.reltuples <= 0 OR a.attstattarget = 0) ORDER BY 1
"""
