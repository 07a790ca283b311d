"""What `penstock doctor` asks a PostgreSQL server. One function per check; the facts come from one query.

A source is only read, so most of what is odd about it is a warning: a standby and a role without grants are the lock,
everything else is a seat belt. What would make a copy wrong (rows hidden, bytes without an encoding) is a failure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from penstock.catalog.model import quote_identifier
from penstock.engines.postgres.clients import find_client_tools
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError
from penstock.project.checks import CheckResult, disk_space, from_error
from penstock.project.connections import ConnectionSettings

OLDEST_MAJOR = 14
NEWEST_MAJOR = 18
LAG_SECONDS = 300.0

_FACTS = """
SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS major,
       pg_catalog.current_setting('server_version') AS version,
       pg_catalog.pg_is_in_recovery() AS standby,
       CASE WHEN pg_catalog.pg_is_in_recovery()
             AND pg_catalog.pg_last_wal_receive_lsn() IS DISTINCT FROM pg_catalog.pg_last_wal_replay_lsn()
            THEN pg_catalog.date_part('epoch', pg_catalog.now() - pg_catalog.pg_last_xact_replay_timestamp())
            END AS lag_seconds,
       pg_catalog.current_setting('hot_standby_feedback')::bool AS feedback,
       (SELECT s.ssl FROM pg_catalog.pg_stat_ssl s WHERE s.pid = pg_catalog.pg_backend_pid()) AS tls,
       (SELECT s.version FROM pg_catalog.pg_stat_ssl s WHERE s.pid = pg_catalog.pg_backend_pid()) AS tls_version,
       pg_catalog.current_setting('server_encoding') AS encoding,
       (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() c) AS system_identifier,
       d.oid::int8 AS database_oid, d.datname AS database, pg_catalog.pg_database_size(d.oid) AS size_bytes,
       r.rolname AS role, r.rolsuper AS superuser, r.rolcreatedb AS creates_databases
  FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
 WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user
"""

_TABLES = """
SELECT c.oid::regclass::text AS name,
       pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS readable,
       pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writable,
       pg_catalog.row_security_active(c.oid) AS rows_hidden
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says about itself, our session and our role."""

    major: int
    version: str
    standby: bool
    lag_seconds: float | None
    feedback: bool
    tls: bool
    tls_version: str | None
    encoding: str
    system_identifier: str
    database_oid: int
    database: str
    size_bytes: int
    role: str
    superuser: bool
    creates_databases: bool


@dataclass(frozen=True, slots=True)
class TableRights:
    """What our role may do with one table, and whether policies hide rows of it from us."""

    name: str
    readable: bool
    writable: bool
    rows_hidden: bool


def server_facts(session: Session) -> ServerFacts:
    """One query. Raises what the session raises."""
    row = session.fetch(_FACTS, doing="asking the server about itself")[0]
    return ServerFacts(**{**dict(row), "tls": bool(row["tls"])})


def table_rights(session: Session) -> list[TableRights]:
    return [TableRights(**dict(row)) for row in session.fetch(_TABLES, doing="asking for the role's rights")]


def check_connection(settings: ConnectionSettings) -> tuple[list[CheckResult], ServerFacts | None]:
    """Every check of one connection, and the facts if the server answered."""
    name = settings.name
    try:
        with Session.open(settings, read_only=True, application_name="penstock doctor") as session:
            facts = server_facts(session)
            rights = table_rights(session) if settings.role == "source" else []
    except PenstockError as error:
        return [from_error("connection", error, name)], None
    results = [
        CheckResult("connection", "ok", f"{settings.describe()} as {facts.role}", connection=name),
        server_version(facts, name),
        tls(facts, settings),
    ]
    if settings.role == "source":
        results += [
            standby(facts, name),
            replication_lag(facts, name),
            encoding(facts, name),
            cannot_write(facts, rights, name),
            readable(facts, rights, name),
            row_security(facts, rights, name),
        ]
    else:
        results += [can_create(facts, name), target_space(settings, facts)]
    return results, facts


def server_version(facts: ServerFacts, connection: str) -> CheckResult:
    """The server's version is one Penstock is tested with."""
    what = f"PostgreSQL {facts.version}"
    if facts.major < OLDEST_MAJOR:
        return CheckResult(
            "server version", "fail", what, f"upgrade it to {OLDEST_MAJOR} or newer", connection
        )
    if facts.major > NEWEST_MAJOR:
        fix = f"tested up to {NEWEST_MAJOR}: pip install --upgrade penstock"
        return CheckResult("server version", "warn", what, fix, connection)
    return CheckResult("server version", "ok", what, connection=connection)


def is_local(settings: ConnectionSettings) -> bool:
    """Whether the bytes stay on this machine."""
    return settings.host.startswith(("/", "127.")) or settings.host in ("localhost", "::1")


def tls(facts: ServerFacts, settings: ConnectionSettings) -> CheckResult:
    """The connection is encrypted, or does not leave the machine."""
    name = settings.name
    if facts.tls:
        return CheckResult(
            "TLS", "ok", f"{facts.tls_version}, sslmode {settings.sslmode or 'prefer'}", connection=name
        )
    if is_local(settings):
        return CheckResult("TLS", "ok", "not used; the connection stays on this machine", connection=name)
    fix = f'sslmode = "require"   in [connections.{name}] (verify-full with a root certificate)'
    return CheckResult("TLS", "warn", "passwords and rows cross the network unencrypted", fix, name)


def standby(facts: ServerFacts, connection: str) -> CheckResult:
    """The source is a standby: nothing that reads it can slow or change the primary."""
    if not facts.standby:
        fix = "point this connection at a standby, if there is one"
        return CheckResult("standby", "warn", "this is a primary", fix, connection)
    if not facts.feedback:
        fix = "on the standby: ALTER SYSTEM SET hot_standby_feedback = on   (or raise max_standby_streaming_delay)"
        what = "a standby; a long copy may be cancelled by replication (hot_standby_feedback is off)"
        return CheckResult("standby", "warn", what, fix, connection)
    return CheckResult("standby", "ok", "a hot standby", connection=connection)


def replication_lag(facts: ServerFacts, connection: str) -> CheckResult:
    """The standby is not far behind."""
    if not facts.standby:
        return CheckResult("replication lag", "ok", "not a standby", connection=connection)
    seconds = facts.lag_seconds or 0.0
    what = f"{seconds:.0f} s behind its primary"
    if seconds > LAG_SECONDS:
        fix = "on the primary: SELECT application_name, state, replay_lag FROM pg_stat_replication;"
        return CheckResult("replication lag", "warn", what, fix, connection)
    return CheckResult("replication lag", "ok", what, connection=connection)


def encoding(facts: ServerFacts, connection: str) -> CheckResult:
    """The bytes have a declared meaning."""
    if facts.encoding == "SQL_ASCII":
        fix = "pg_dump -E … and restore into a database with a real encoding; use that as the source"
        return CheckResult("encoding", "fail", "SQL_ASCII: bytes without a meaning", fix, connection)
    return CheckResult("encoding", "ok", facts.encoding, connection=connection)


def cannot_write(facts: ServerFacts, rights: Iterable[TableRights], connection: str) -> CheckResult:
    """The role could not write to the source even by mistake."""
    check = "role cannot write"
    role = quote_identifier(facts.role)
    fix = f"CREATE ROLE penstock_reader LOGIN; GRANT pg_read_all_data TO penstock_reader;   and use it instead of {role}"
    if facts.superuser:
        return CheckResult(check, "warn", f"{role} is a superuser", fix, connection)
    writable = [table.name for table in rights if table.writable]
    if writable and facts.standby:
        return CheckResult(check, "ok", f"{role} may, but a standby takes no writes", connection=connection)
    if writable:
        what = f"{role} may change {_some(writable)}"
        return CheckResult(check, "warn", what, fix, connection)
    return CheckResult(check, "ok", f"{role} has no right to write", connection=connection)


def readable(facts: ServerFacts, rights: Iterable[TableRights], connection: str) -> CheckResult:
    """The role can read every table; those it cannot must be left out."""
    denied = [table.name for table in rights if not table.readable]
    if not denied:
        return CheckResult("role can read", "ok", "every table", connection=connection)
    role = quote_identifier(facts.role)
    fix = f"GRANT pg_read_all_data TO {role};   or list them under `skip`"
    return CheckResult("role can read", "warn", f"not {_some(denied)}", fix, connection)


def row_security(facts: ServerFacts, rights: Iterable[TableRights], connection: str) -> CheckResult:
    """No policy hides rows from this role: a copy without them would look complete."""
    hidden = [table.name for table in rights if table.rows_hidden]
    if not hidden:
        return CheckResult("row-level security", "ok", "hides no rows from this role", connection=connection)
    role = quote_identifier(facts.role)
    fix = f"ALTER ROLE {role} BYPASSRLS;   or list them under `skip`"
    return CheckResult("row-level security", "fail", f"would hide rows of {_some(hidden)}", fix, connection)


def can_create(facts: ServerFacts, connection: str) -> CheckResult:
    """The target's role can create databases, and the target takes writes."""
    if facts.standby:
        fix = "point this connection at a primary"
        return CheckResult("can create databases", "fail", "the target is a standby", fix, connection)
    role = quote_identifier(facts.role)
    if facts.superuser or facts.creates_databases:
        return CheckResult("can create databases", "ok", f"{role} may", connection=connection)
    return CheckResult(
        "can create databases", "fail", f"{role} may not", f"ALTER ROLE {role} CREATEDB;", connection
    )


def target_space(settings: ConnectionSettings, facts: ServerFacts) -> CheckResult:
    """There is room where the target keeps its data, if that is on this machine and may be looked at."""
    name = settings.name
    unknown = CheckResult("disk space", "skip", "cannot be read from here", "on that server: df -h", name)
    if not is_local(settings):
        return unknown
    try:
        with Session.open(settings, read_only=True, application_name="penstock doctor") as session:
            folder = session.fetchval("SELECT pg_catalog.current_setting('data_directory')")
        return disk_space(Path(folder), f"{folder}, where {facts.database} lives", name)
    except (PenstockError, OSError):
        return unknown


def client_tools(source: ServerFacts, target: ServerFacts | None, connection: str) -> CheckResult:
    """A pg_dump that can read the source is on this machine."""
    try:
        encrypted = source.tls or (target is not None and target.tls)
        tools = find_client_tools(source.major, target.major if target else None, tls=encrypted)
    except PenstockError as error:
        return from_error("pg_dump", error, connection)
    what = f"pg_dump {tools.version} in {tools.folder}"
    if target is not None and target.major < source.major:
        fix = f"use a target of version {source.major} or newer"
        return CheckResult(
            "pg_dump", "warn", f"{what}, but the target is older ({target.major})", fix, connection
        )
    return CheckResult("pg_dump", "ok", what, connection=connection)


def destination_is_not_source(
    source: ServerFacts, target: ServerFacts, databases: Iterable[str], connection: str
) -> CheckResult:
    """What would be written is not what is read: another server, or another database of the same one.

    `databases` are the names that will be created on the target.
    """
    check = "destination is not the source"
    if source.system_identifier != target.system_identifier:
        return CheckResult(check, "ok", "another server", connection=connection)
    if source.database in databases:
        fix = f'[devdb.NAME] database = "{source.database}_dev"'
        return CheckResult(
            check, "fail", f"a development database would be the source {source.database}", fix, connection
        )
    if source.database_oid == target.database_oid:
        fix = f'[connections.{connection}] dbname = "postgres"'
        return CheckResult(
            check, "fail", f"both connections open the database {source.database}", fix, connection
        )
    what = "the same server as the source, another database: a copy competes with production for its disk and memory"
    fix = "a server of its own for development" if not source.standby else ""
    return CheckResult(check, "warn", what, fix, connection)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more tables"
