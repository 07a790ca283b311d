"""What must be true before the first thing is written, beside: it is not the source (`identity.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penstock.catalog.model import MANIFEST, Catalog, TableName, quote_identifier
from penstock.devdb import manifest
from penstock.devdb.databases import SERVERS_OWN
from penstock.devdb.scrub.state import ASIDE, STATE, State
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused, UsageError
from penstock.project.connections import ConnectionSettings

_SHOWN = 12


def require_confirmed(target: ConnectionSettings, confirm: str) -> None:
    """Raise `UsageError` unless the database was named a second time."""
    if confirm != target.dbname:
        raise UsageError(
            f"[connections.{target.name}] leads to the database {target.dbname}, and --confirm says {confirm}",
            why="its rows are replaced where they are, so its name is asked for twice",
            hint=f"if it is the one: penstock dev scrub {target.name} --confirm {target.dbname}",
        )


def is_scrubbed_elsewhere(database: str, command: str) -> TargetRefused:
    """What is said while another run has the lock of the database."""
    return TargetRefused(
        f"another run scrubs or builds {database}",
        why="one run at a time works on it",
        hint=f"wait for it; a scrub that was ended half-way leaves the database closed, and this goes on with it: {command}",
    )


def require_primary(session: Session) -> None:
    """Raise `TargetRefused` on a standby."""
    if session.fetchval("SELECT pg_catalog.pg_is_in_recovery()"):
        raise TargetRefused(
            f"{session.database} is on a standby",
            why="it follows its primary, and nothing can be written there",
            hint="promote it first, if it is a clone: SELECT pg_promote();",
        )


def require_maskable(session: Session, state: State) -> None:
    """Raise `TargetRefused` for a database or a role that cannot do it."""
    name = session.database
    facts = session.fetch(_FACTS_SQL)[0]
    if facts["is_template"]:
        raise TargetRefused(
            f"{name} is a template",
            why="databases are made from it",
            hint="scrub a copy of it; or, if nobody makes databases from it any more: "
            f"ALTER DATABASE {quote_identifier(name)} WITH IS_TEMPLATE false;",
        )
    if not facts["owned"]:
        raise TargetRefused(
            f"{session.settings.user} does not own the database {name}",
            why="only its owner can close it while it is neither what it was nor masked",
            hint=f"ALTER DATABASE {quote_identifier(name)} OWNER TO {quote_identifier(session.settings.user)};",
        )
    for row in session.fetch(_AMONG_CATALOGS_SQL):
        raise TargetRefused(
            f"{name} has {row['name']}, a table among the catalogs",
            why="Penstock takes what is in that schema for the server's own: it would be neither masked nor searched",
            hint=f"ALTER {row['kind']} {row['name']} SET SCHEMA public; or drop it",
        )
    made = manifest.read(session)
    if made:
        raise TargetRefused(
            f"{name} is masked already: {made[-1].operation} of {made[-1].created_at[:16]}",
            why="masks on masks would give other pseudonyms",
            hint=f"penstock.manifest in it says more; if it came from the source: DROP TABLE {MANIFEST.sql};",
        )
    if not state.is_under_way and (state.steps or _in_the_way(session)):
        raise TargetRefused(
            f"{name} has a schema {ASIDE} or a table {STATE} of its own",
            why="a scrub keeps the originals, and how far it is, under these names",
            hint=f'DROP SCHEMA "{ASIDE}" CASCADE; DROP TABLE IF EXISTS {STATE.sql};',
        )
    if not state.is_under_way:
        _require_a_copy(name, has_tables=facts["has_tables"])
    _require_no_streams(session)


def _require_a_copy(name: str, *, has_tables: bool) -> None:
    """Everybody connects to the maintenance database, and where no table is, nothing can be proved."""
    if name in SERVERS_OWN:
        raise TargetRefused(
            f"{name} is the server's own database, which tools connect to when they are told no other",
            why="it would be closed to them until the scrub is done",
            hint="let the target connection lead to the copy; if the rows are in this one: "
            f"CREATE DATABASE copy TEMPLATE {quote_identifier(name)};",
        )
    if not has_tables:
        raise TargetRefused(
            f"{name} has no tables of its own",
            why="there is nothing to mask in it, and it would be closed for nothing",
            hint="let the target connection lead to the copy that holds the rows: dbname in [connections.NAME]",
        )


def _in_the_way(session: Session) -> bool:
    return bool(
        session.fetchval(
            "SELECT pg_catalog.to_regnamespace($1) IS NOT NULL OR pg_catalog.to_regclass($2) IS NOT NULL",
            ASIDE,
            STATE.sql,
        )
    )


def _require_no_streams(session: Session) -> None:
    """Nothing may carry real rows out that only somebody else can stop, or hold locks that outlive every session."""
    for row in session.fetch(_STREAMS_SQL):
        raise TargetRefused(f"{session.database} has {row['what']}", why=row["why"], hint=row["hint"])


def require_alone(session: Session, own: Sequence[int], command: str, *, end: bool) -> None:
    """No other session may look on. Raises `TargetRefused` with their names, or ends them."""
    others = session.fetch(_SESSIONS_SQL, list(own))
    if not others:
        return
    if end:
        session.fetch(_END_SQL, list(own), doing=f"ending the sessions of {session.database}")
        others = session.fetch(_SESSIONS_SQL, list(own))
    if others:
        listed = "; ".join(
            f"{r['application'] or 'no name'} ({r['usename']}, {r['n']})" for r in others[:_SHOWN]
        )
        raise TargetRefused(
            f"{sum(r['n'] for r in others)} other sessions are connected to {session.database}",
            why=f"they would see it half masked, or be in the way: {listed}",
            hint=f"close them, or have them ended: {command} --end-sessions"
            if not end
            else f"this role may not end them: GRANT pg_signal_backend TO {quote_identifier(session.settings.user)};",
        )


def require_rights(session: Session, catalog: Catalog, tables: Iterable[TableName]) -> None:
    """This role must be able to rewrite these tables, detach the keys between them and fill every materialised view."""
    wanted = set(tables)
    oids = [
        table.oid
        for table in catalog
        if catalog.root_of(table.name) in wanted
        or table.kind == "materialized view"
        or any(catalog.root_of(key.referenced_table) in wanted for key in table.foreign_keys)
    ]
    rows = session.fetch(_OWNERS_SQL, oids)
    if rows:
        more = f" and {len(rows) - 1} more tables" if len(rows) > 1 else ""
        raise TargetRefused(
            f"{session.settings.user} does not own {rows[0]['name']}{more}",
            why="only the owner of a table may empty it, and detach its foreign keys meanwhile",
            hint=f"GRANT {quote_identifier(rows[0]['owner'])} TO {quote_identifier(session.settings.user)};",
        )


def require_fillable(session: Session, tables: Iterable[TableName]) -> None:
    """A unique index that is invalid may refuse the rows that broke it, though new ones only."""
    for row in session.fetch(_REFUSING_SQL, [name.sql for name in tables]):
        raise TargetRefused(
            f"{session.database} has an invalid unique index on {row['table']}, and its rows may break it",
            why="a failed CREATE INDEX CONCURRENTLY left it; no query uses it, but it looks at every new row",
            hint=f"DROP INDEX {row['index']};",
        )


def require_no_large_objects(session: Session, command: str, *, drop: bool) -> None:
    """Nobody knows what is in a large object. Raises `TargetRefused` unless they are to be dropped."""
    count = session.fetchval("SELECT count(*) FROM pg_catalog.pg_largeobject_metadata")
    if count and not drop:
        raise TargetRefused(
            f"{session.database} holds {count} large objects",
            why="no mask reads them, so they cannot stay",
            hint=f"{command} --drop-large-objects",
        )


_FACTS_SQL = """
SELECT datistemplate AS is_template, pg_catalog.pg_has_role(datdba, 'USAGE') AS owned,
       EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
                  AND n.nspname <> 'information_schema' AND NOT EXISTS (
                      SELECT FROM pg_catalog.pg_depend d
                       WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
       ) AS has_tables
  FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
"""

# Those of extensions are theirs (some keep their lists there); names in other schemas of the server nobody can choose.
_AMONG_CATALOGS_SQL = """
SELECT format('%I.%I', n.nspname, c.relname) AS name,
       CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'f')
   AND (n.nspname = 'information_schema' OR n.nspname ~ '^pg_' AND n.nspname !~ '^pg_(toast|temp_|toast_temp_)')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY 1
"""

_STREAMS_SQL = """
SELECT 'the replication slot ' || slot_name AS what, 'it carries changes out, real rows among them' AS why,
       format('SELECT pg_drop_replication_slot(%L);', slot_name) AS hint
  FROM pg_catalog.pg_replication_slots WHERE database = pg_catalog.current_database()
UNION ALL
SELECT 'the prepared transaction of ' || owner, 'it holds locks, and may bring real rows in when it is committed',
       format('ROLLBACK PREPARED %L;', gid)
  FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()
"""

# Autovacuum has no user and gives way by itself; who applies a subscription ends with it, and the background workers of
# pg_cron and pg_net, which the server would start anew, have nothing to do any more. Of other roles' sessions an
# ordinary role sees no name.
_OTHERS = """
  FROM pg_catalog.pg_stat_activity
 WHERE datname = pg_catalog.current_database() AND usesysid IS NOT NULL
   AND pid <> pg_catalog.pg_backend_pid() AND pid <> ALL($1::int[]) AND coalesce(leader_pid, 0) = 0
   AND coalesce(backend_type, '') NOT LIKE ALL (ARRAY['logical replication %', 'pg\\_cron launcher', 'pg\\_net %'])
"""
_SESSIONS_SQL = f"""
SELECT coalesce(application_name, '') AS application, usename::text AS usename, count(*) AS n {_OTHERS}
 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
_END_SQL = f"""
WITH others AS (SELECT pid, usesysid {_OTHERS})
SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM others, pg_catalog.pg_roles me, pg_catalog.pg_roles r
 WHERE r.oid = usesysid AND me.rolname = current_user AND (me.rolsuper OR NOT r.rolsuper)
   AND (pg_catalog.pg_has_role(r.oid, 'MEMBER') OR pg_catalog.pg_has_role('pg_signal_backend', 'MEMBER'))
"""

_REFUSING_SQL = """
SELECT i.indexrelid::regclass::text AS index, i.indrelid::regclass::text AS "table"
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid AND c.relkind = 'r'
 WHERE i.indrelid = ANY($1::text[]::regclass[]) AND NOT i.indisvalid AND i.indisready AND (i.indisunique OR i.indisexclusion)
 ORDER BY 1
"""

_OWNERS_SQL = """
SELECT c.oid::regclass::text AS name, pg_catalog.pg_get_userbyid(c.relowner)::text AS owner
  FROM unnest($1::int8[]) AS w(oid) JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
 WHERE NOT pg_catalog.pg_has_role(c.relowner, 'USAGE') ORDER BY 1
"""
