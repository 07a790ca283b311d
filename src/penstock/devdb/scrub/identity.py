"""Is the database to scrub the source, or may it be? A guard that knows nothing says so by refusing.

A restored storage snapshot shares system identifier and database OID with its origin, so these alone cannot tell a
clone from production. Two servers that answer at once and differ in address, start and WAL position are two. A primary
differs from its standby in all three: what the target sends, and where the standby's WAL comes from, is asked too.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import product

from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError, TargetRefused
from penstock.project.connections import ConnectionSettings
from penstock.project.settings import ProjectSettings

_HERE = "this machine"

# Who may not read statistics of all roles sees that there is a WAL receiver, but neither its state nor its timeline. Who
# streams from here is counted for everybody; logical replication is connected to a database, and `guards` looks at it.
_IDENTITY_SQL = """
SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system_identifier,
       (SELECT oid::int8 FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) AS database_oid,
       in_recovery,
       extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text AS started,
       (CASE WHEN in_recovery THEN coalesce(pg_catalog.pg_last_wal_replay_lsn(), '0/0')
             ELSE pg_catalog.pg_current_wal_lsn() END - '0/0'::pg_lsn)::int8 AS position,
       CASE WHEN in_recovery
            THEN (SELECT received_tli::int8 FROM pg_catalog.pg_stat_wal_receiver WHERE status = 'streaming')
            ELSE ('x' || left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::bit(32)::int8 END AS timeline,
       (SELECT count(*) FROM pg_catalog.pg_stat_get_wal_senders() w JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid
         WHERE a.datid IS NULL) AS streams
  FROM pg_catalog.pg_is_in_recovery() AS in_recovery
"""
_SENDER_SQL = """
SELECT coalesce(sender_host, '') AS hosts, coalesce(sender_port::text, '') AS ports, '' AS conninfo
  FROM pg_catalog.pg_stat_wal_receiver WHERE sender_port IS NOT NULL
UNION ALL
SELECT '', '', setting FROM pg_catalog.pg_settings WHERE name = 'primary_conninfo' AND setting <> ''
"""
_WORD = re.compile(r"\b(host|hostaddr|port)\s*=\s*(?:'([^']*)'|([^\s']+))")
_NOT_BEHIND = "the source is a standby, and the target is not behind it: it may be its primary"


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one running database from another."""

    system_identifier: str
    database_oid: int
    in_recovery: bool
    started: str  # when its server started
    position: int  # in the WAL: of the last record written, or replayed
    addresses: frozenset[tuple[str, int]]
    timeline: int | None = (
        None  # on which it writes; of a standby, what streams to it: None where that is not known
    )
    streams: int = 0  # standbys, backups and archivers of WAL that stream from its server
    senders: frozenset[tuple[str, int]] = (
        frozenset()
    )  # where a standby's WAL comes from, as far as we may know

    def is_of(self, other: Identity) -> bool:
        """Whether both have one origin: the same database, its standby, or a snapshot of it."""
        return (self.system_identifier, self.database_oid) == (other.system_identifier, other.database_oid)


def resemblance(source: Identity, target: Identity, primaries: Sequence[Identity] = ()) -> str:
    """Why the target may be the source; "" where it cannot be. The source must have been asked first.

    `primaries`: sources that are primaries and not the target, asked after the source.
    """
    if not source.is_of(target):
        return ""
    if source.started == target.started:
        return "same system identifier, same OID of the database, and the server started at the same moment"
    if source.addresses & target.addresses:
        return "same system identifier and same OID of the database behind the same address"
    if source.position == target.position:
        return "same system identifier, same OID of the database and the same position in the WAL"
    if source.in_recovery and source.senders & target.addresses:
        return "the source is a standby, and its WAL comes from the target's address"
    # A standby has never replayed what its primary has not written yet: who is behind it is not its primary.
    if source.in_recovery and target.position > source.position:
        return _may_be_its_primary(source, target, primaries)
    return ""


def _may_be_its_primary(standby: Identity, target: Identity, primaries: Sequence[Identity]) -> str:
    """A snapshot, promoted or not, is a primary of the same origin as well: only the one that the standby can have its WAL
    from, and not the target, says that the target is another."""
    if standby.timeline is None:
        return f"{_NOT_BEHIND}; on which timeline WAL streams to it is not known"
    real = [
        primary
        for primary in primaries
        if primary.is_of(standby)
        and primary.timeline == standby.timeline
        and primary.position >= standby.position
    ]
    if not real:
        return f"{_NOT_BEHIND}; no source is a primary on its timeline that has written what it replayed"
    if target.timeline == standby.timeline and not any(primary.streams for primary in real):
        return f"{_NOT_BEHIND}; both are on one timeline, and nothing streams from the primary that is named"
    return ""


def identity_of(session: Session) -> Identity:
    """What the server says of itself, with the addresses its connection leads to."""
    row = session.fetch(_IDENTITY_SQL, doing="asking the server who it is")[0]
    host, port = session.settings.host, session.settings.port
    senders: set[tuple[str, int]] = set()
    if row["in_recovery"]:
        for sender in session.fetch(_SENDER_SQL, doing="asking the standby whom it follows"):
            hosts, ports = _in_conninfo(sender["conninfo"]) if sender["conninfo"] else ([], [])
            hosts, ports = hosts or [sender["hosts"]], ports or [sender["ports"]]
            for there, number in product(hosts, ports):
                found = _addresses(there or "/", int(number) if number.isdigit() else 5432)
                # what it calls its own machine is the one our connection leads to
                senders |= {
                    a for name, n in found for a in (_addresses(host, n) if name == _HERE else {(name, n)})
                }
    return Identity(**dict(row), addresses=_addresses(host, port), senders=frozenset(senders))


def require_not_a_source(project: ProjectSettings, target: Session) -> None:
    """Raise `TargetRefused` unless every source of the project answers and is another database."""
    sources = [name for name, table in project.tables.items() if table.role == "source"]
    if not sources:
        raise TargetRefused(
            "the project names no source, so nobody can tell whether this is one",
            why="a database is scrubbed in place only when it is known not to be production",
            hint='name production in penstock.toml: [connections.prod] … role = "source"',
        )
    asked = {name: _asked(project.connection(name)) for name in sources}
    # Standbys first, then primaries, then the target: a primary is then never behind its standby.
    asked |= {name: _asked(project.connection(name)) for name in sources if not asked[name].in_recovery}
    here = identity_of(target)
    primaries = [
        source for source in asked.values() if not source.in_recovery and not resemblance(source, here)
    ]
    for name, source in asked.items():
        why = resemblance(source, here, primaries)
        if why:
            raise TargetRefused(
                f"{target.database} is, or may be, the source {name}", why=why, hint=_hint(name, source, why)
            )
    if here.streams:
        raise TargetRefused(
            f"{here.streams} standbys, backups or archivers of WAL stream from the server of {target.database}",
            why="a primary in use has them, and they carry its real values away",
            hint="if it is the copy, end them: SELECT pid, application_name, client_addr, state FROM pg_stat_replication;",
        )


def _hint(name: str, source: Identity, why: str) -> str:
    if not why.startswith(_NOT_BEHIND):
        return (
            "a restored snapshot is scrubbed when it runs on a server of its own, beside the running source"
        )
    asking = "SELECT status, sender_host, sender_port FROM pg_stat_wal_receiver;"
    rights = (
        ""
        if source.timeline is not None
        else f" (where its role sees nothing: GRANT pg_monitor TO the role of {name};)"
    )
    return (
        f"run this again when {name} has replayed more than the copy has written; or look whom it follows, in psql on "
        f'it: {asking}{rights} That server, never another copy, is named as a source (role = "source") too; if it is '
        "the one to be scrubbed, it is production"
    )


def _asked(source: ConnectionSettings) -> Identity:
    try:
        with Session.open(source, read_only=True, application_name="penstock dev scrub") as session:
            return identity_of(session)
    except PenstockError as error:
        raise TargetRefused(
            f"the source {source.name} cannot be asked who it is, and might be the database to scrub",
            why=error.what + (f" ({error.why})" if error.why else ""),
            hint=f"run this where {source.name} can be reached: penstock conn test {source.name}",
        ) from None


def _in_conninfo(text: str) -> tuple[list[str], list[str]]:
    """Hosts and ports that a connection string, which may hold a password, names; too many pairs rather than too few."""
    if "://" in text:
        places = re.split("[/?]", text.partition("://")[2])[0].rpartition("@")[2].split(",")
        pairs = [place.rpartition(":") if re.search(r":\d*$", place) else (place, "", "") for place in places]
        return [host.strip("[]") for host, _, _ in pairs], [port for _, _, port in pairs]
    words = [(word, quoted or plain) for word, quoted, plain in _WORD.findall(text)]
    hosts = [host for word, value in words if word != "port" for host in value.split(",")]
    return hosts, [port for word, value in words if word == "port" for port in value.split(",")]


def _addresses(host: str, port: int) -> frozenset[tuple[str, int]]:
    """Where a connection leads, its host resolved. All ways into this machine are one."""
    if host.startswith("/"):
        return frozenset({(_HERE, port)})
    try:
        found: Iterable[str] = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:  # the driver found it all the same
        found = {host}
    return frozenset((_HERE if _is_here(text) else text, port) for text in found)


def _is_here(text: str) -> bool:
    try:
        return ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False
