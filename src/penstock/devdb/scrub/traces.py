"""Old values where no table's rows are: dead rows and dropped columns of tables that no mask rewrote, statistics, large
objects, catalogs. All of them get new files, every catalog of the database too: a filter, a default, a body of a function, a
label of an enum may have quoted a value until somebody, or the scrub, changed or dropped it.

ANALYZE alone does not do: what it replaces stays in dead rows of pg_statistic, and of a table without rows it replaces
nothing. A superuser forgets all statistics first. For other roles it is looked whether any might be old.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from penstock.catalog.model import Catalog, TableName, quote_identifier, quote_literal
from penstock.catalog.types import Family
from penstock.devdb.building.derived import analyze
from penstock.devdb.scrub import aside
from penstock.devdb.scrub.state import ASIDE
from penstock.devdb.scrub.work import Work
from penstock.engines.postgres.session import Session
from penstock.errors import Finding

# Of the catalogs that all databases have in common, those where a database's owner writes texts.
_SHARED = ("pg_subscription", "pg_shdescription", "pg_shseclabel", "pg_db_role_setting")
_PATIENCE_SECONDS = 30.0
_BATCH = 1_000  # each large object takes a lock until the end of its transaction
_CLEAR_SINCE = 18
# Before PostgreSQL 15 a statistics object cannot be without its row.
_FORGET_SQL = (
    "DELETE FROM pg_catalog.pg_statistic; UPDATE pg_catalog.pg_statistic_ext_data "
    "SET stxdndistinct = NULL, stxddependencies = NULL, stxdmcv = NULL, stxdexpr = NULL;"
)

OUT_OF_REACH = (
    "WAL, and its archive",
    "storage snapshots, backups and replicas of this database",
    "disk blocks that the file system has freed and not yet used again",
    "the server's log",
    "catalogs of the whole server: dead rows of them, and what is said there of other databases and of roles",
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


def empty(session: Session, catalog: Catalog, name: TableName) -> None:
    """Empty a table for good. Part of the caller's transaction.

    Where nobody may remove its statistics afterwards, they are made anew while it has one row: of a single row ANALYZE
    keeps no value, but for elements of arrays and words of a tsvector.
    """
    if _is_superuser(session) or _clears(session):
        aside.empty(session, name, catalog.leaves[name])
        return
    stored = catalog.tables[name].stored_columns
    columns = ", ".join(quote_identifier(c.name) for c in stored)
    values = ", ".join(
        "NULL" if c.nullable and c.type.family in (Family.ARRAY, Family.SEARCH) else quote_identifier(c.name)
        for c in stored
    )
    one = TableName(ASIDE, "one")
    leaves = catalog.leaves[name] if columns else ()
    for leaf in leaves:
        session.execute(
            f"CREATE TABLE {one.sql} AS SELECT {columns} FROM ONLY {leaf.sql} LIMIT 1; TRUNCATE ONLY {leaf.sql}; "
            f"INSERT INTO {leaf.sql} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {one.sql}; "
            f"DROP TABLE {one.sql}",
            doing=f"emptying {name}",
        )
    if leaves:
        session.execute(f"ANALYZE {name.sql}", doing=f"forgetting the statistics of {name}")
    aside.empty(session, name, catalog.leaves[name])


def not_rewritten(work: Work) -> Iterator[TableName]:
    """The tables that still have the files they had."""
    touched = set(work.touched)
    for table in work.catalog:
        if table.holds_rows and work.catalog.root_of(table.name) not in touched:
            yield table.name


def renew_catalogs(session: Session, *, shared: bool) -> None:
    """Statistics of what is there now; new files for all catalogs, those of the whole server as far as this role may.
    Outside a transaction. Raises `Finding` where old rows stay. `shared`: some of those were in the server's."""
    superuser = _is_superuser(session)
    catalogs = [f"pg_catalog.{name}" for name in session.fetchval(_CATALOGS_SQL)]
    with session.transaction():
        if superuser:
            session.execute(_FORGET_SQL, doing="forgetting the statistics")
        elif _clears(session):
            session.fetch(_CLEAR_SQL, doing="forgetting the statistics")
    with session.transaction():
        analyze(session)
        if not superuser:  # bodies of functions and comments have statistics as well
            session.execute(f"ANALYZE {', '.join(catalogs)}", doing="gathering statistics of the catalogs")
        now = session.fetchval("SELECT pg_catalog.pg_current_xact_id()::xid::text")
    if not superuser:
        with session.transaction():
            _make_anew(session)
        _require_no_old_ones(session)
    _await_horizon(session, now, everywhere=shared and superuser)
    for name in (*catalogs, *(f"pg_catalog.{name}" for name in _SHARED if superuser)):
        session.execute(f"VACUUM (FULL) {name}", doing=f"rewriting {name}")


def _is_superuser(session: Session) -> bool:
    return bool(session.fetchval("SELECT pg_catalog.current_setting('is_superuser') = 'on'"))


def _clears(session: Session) -> bool:
    """Whether the owner of a table can remove its statistics."""
    return bool(session.connection.get_server_version().major >= _CLEAR_SINCE)


def _await_horizon(session: Session, now: str, *, everywhere: bool) -> None:
    """Wait until nobody sees what was removed any more: VACUUM keeps it as long. Raises `Finding`."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while behind := session.fetch(_BEHIND_SQL, now, everywhere):
        if time.monotonic() > until:
            raise Finding(
                f"{behind[0]['what']} still sees what was removed from the catalogs of {session.database}",
                why="while it does, VACUUM leaves that in their files",
                hint=behind[0]["hint"],
            )
        time.sleep(0.1)


def _make_anew(session: Session) -> None:
    """Drop extended statistics that ANALYZE may not have replaced, and create them again: empty. Of a single row, too, they
    keep the values, so no row that is inserted and deleted would do."""
    for row in session.fetch(_EXTENDED_SQL):
        said = [f"DROP STATISTICS {row['name']}", row["definition"]]
        if row["target"] is not None:
            said.append(f"ALTER STATISTICS {row['name']} SET STATISTICS {row['target']}")
        if row["comment"] is not None:
            said.append(f"COMMENT ON STATISTICS {row['name']} IS {quote_literal(row['comment'])}")
        said.append(f"ALTER STATISTICS {row['name']} OWNER TO {row['owner']}")
        session.execute("; ".join(said), doing=f"making the statistics {row['name']} anew")


def _require_no_old_ones(session: Session) -> None:
    old = session.fetch(_OLD_SQL)
    if old:
        more = f" and {len(old) - 1} more" if len(old) > 1 else ""
        raise Finding(
            f"the statistics of {old[0]['name']}{more} may be old ones",
            why="ANALYZE replaces none of a table without rows or with the target 0, and only a superuser may remove them",
            hint=f"in {session.database}, {old[0]['remedy']}; or have a superuser run: {_FORGET_SQL}",
        )


_CATALOGS_SQL = """
SELECT array_agg(pg_catalog.quote_ident(relname) ORDER BY relname) FROM pg_catalog.pg_class
 WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared AND oid < 16384
"""

# A slot, and a standby that reports what it reads, hold the catalogs of all databases; a session of another database only
# those that all have in common.
_BEHIND_SQL = """
SELECT pg_catalog.concat('the session ', pid, ' in the database ' || datname) AS what,
       pg_catalog.format('when it has ended, or SELECT pg_terminate_backend(%s);, run this again', pid) AS hint
  FROM pg_catalog.pg_stat_activity
 WHERE pid <> pg_catalog.pg_backend_pid() AND (coalesce(datname = pg_catalog.current_database(), true) OR $2)
   AND greatest(pg_catalog.age(backend_xmin), pg_catalog.age(backend_xid)) >= pg_catalog.age($1::text::xid)
UNION ALL
SELECT 'the replication slot ' || slot_name, 'when it has moved on, or is dropped, run this again'
  FROM pg_catalog.pg_replication_slots
 WHERE greatest(pg_catalog.age(xmin), pg_catalog.age(catalog_xmin)) >= pg_catalog.age($1::text::xid)
UNION ALL
SELECT 'the prepared transaction of ' || owner || ' in the database ' || database, 'when it has ended, run this again'
  FROM pg_catalog.pg_prepared_xacts
 WHERE $2 AND pg_catalog.age(transaction) >= pg_catalog.age($1::text::xid)
"""

_CLEAR_SQL = """
SELECT pg_catalog.pg_clear_attribute_stats(schemaname, tablename, attname, inherited) FROM pg_catalog.pg_stats
 WHERE schemaname NOT LIKE 'pg\\_%' AND schemaname <> 'information_schema'
"""

# Whether ANALYZE may have left extended statistics as they were: of a table without rows, or not gathered (target 0).
_LEFT_ALONE = """(c.reltuples <= 0 OR (pg_catalog.to_jsonb(x) ->> 'stxstattarget')::int = 0 OR EXISTS (
       SELECT FROM pg_catalog.pg_attribute k
        WHERE k.attrelid = c.oid AND k.attnum = ANY(x.stxkeys::int2[]) AND k.attstattarget = 0))"""

# Those that keep values and that this role may make again.
_EXTENDED_SQL = f"""
SELECT format('%I.%I', n.nspname, x.stxname) AS name, pg_catalog.pg_get_statisticsobjdef(x.oid) AS definition,
       nullif((pg_catalog.to_jsonb(x) ->> 'stxstattarget')::int, -1) AS target,
       pg_catalog.obj_description(x.oid, 'pg_statistic_ext') AS comment,
       pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.stxowner)) AS owner
  FROM pg_catalog.pg_statistic_ext x JOIN pg_catalog.pg_namespace n ON n.oid = x.stxnamespace
  JOIN pg_catalog.pg_class c ON c.oid = x.stxrelid
 WHERE x.stxkind && '{{m,e}}'::"char"[] AND {_LEFT_ALONE}
   AND pg_catalog.pg_has_role(x.stxowner, 'USAGE') AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
   AND pg_catalog.has_schema_privilege(n.oid, 'CREATE') AND pg_catalog.has_schema_privilege(x.stxowner, n.oid, 'CREATE')
 ORDER BY 1
"""

_OLD_SQL = f"""
SELECT DISTINCT ON (1) pg_catalog.concat(n.nspname, '.', c.relname) AS name,
       CASE WHEN x.oid IS NOT NULL
            THEN format('DROP STATISTICS %I.%I; and create it again when this has ended', extended_schema, extended)
            ELSE pg_catalog.concat(
                CASE WHEN a.attstattarget = 0
                     THEN format('ALTER TABLE %I.%I ALTER %I SET STATISTICS 100; and ', n.nspname, c.relname, a.attname) END,
                CASE WHEN c.reltuples <= 0 THEN 'insert a row, ANALYZE, and delete the row' ELSE 'ANALYZE' END) END AS remedy
  FROM (SELECT schemaname, tablename, attname, NULL::name AS extended_schema, NULL::name AS extended
          FROM pg_catalog.pg_stats
         WHERE coalesce(most_common_vals::text, histogram_bounds::text, most_common_elems::text) IS NOT NULL
        UNION ALL
        SELECT schemaname, tablename, NULL, statistics_schemaname, statistics_name FROM pg_catalog.pg_stats_ext
         WHERE most_common_vals IS NOT NULL
        UNION ALL
        SELECT schemaname, tablename, NULL, statistics_schemaname, statistics_name FROM pg_catalog.pg_stats_ext_exprs
         WHERE coalesce(most_common_vals::text, histogram_bounds::text, most_common_elems::text) IS NOT NULL) s
  JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
  LEFT JOIN pg_catalog.pg_namespace m ON m.nspname = s.extended_schema
  LEFT JOIN pg_catalog.pg_statistic_ext x ON x.stxnamespace = m.oid AND x.stxname = s.extended
 WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
   AND CASE WHEN x.oid IS NULL THEN c.reltuples <= 0 OR a.attstattarget = 0 ELSE {_LEFT_ALONE} END
 ORDER BY 1, x.oid NULLS FIRST
"""
