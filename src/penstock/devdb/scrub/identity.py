"""Is the database to scrub the source, or may it be? A guard that knows nothing says so by refusing.

A restored storage snapshot shares system identifier and database OID with its origin, so these alone cannot tell a
clone from production. Two servers that answer at once and differ in address, start and WAL position are two.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError, TargetRefused
from penstock.project.connections import ConnectionSettings
from penstock.project.settings import ProjectSettings

_HERE = "this machine"

_IDENTITY_SQL = """
SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system_identifier,
       (SELECT oid::int8 FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) AS database_oid,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text AS started,
       (CASE WHEN pg_catalog.pg_is_in_recovery() THEN coalesce(pg_catalog.pg_last_wal_replay_lsn(), '0/0')
             ELSE pg_catalog.pg_current_wal_lsn() END - '0/0'::pg_lsn)::int8 AS position
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one running database from another."""

    system_identifier: str
    database_oid: int
    in_recovery: bool
    started: str  # when its server started
    position: int  # in the WAL: of the last record written, or replayed
    addresses: frozenset[tuple[str, int]]

    def is_of(self, other: Identity) -> bool:
        """Whether both have one origin: the same database, its standby, or a snapshot of it."""
        return (self.system_identifier, self.database_oid) == (other.system_identifier, other.database_oid)


def resemblance(source: Identity, target: Identity, *, primary_is_another: bool = False) -> str:
    """Why the target may be the source; "" where it cannot be. The source must have been asked first.

    `primary_is_another`: a primary of the same origin is known and is not the target.
    """
    if not source.is_of(target):
        return ""
    if source.started == target.started:
        return "same system identifier, same OID of the database, and the server started at the same moment"
    if source.addresses & target.addresses:
        return "same system identifier and same OID of the database behind the same address"
    if source.position == target.position:
        return "same system identifier, same OID of the database and the same position in the WAL"
    # A standby has never replayed what its primary has not written yet: who is behind it is not its primary.
    if source.in_recovery and target.position > source.position and not primary_is_another:
        return "the source is a standby, and the target is not behind it: it may be its primary"
    return ""


def identity_of(session: Session) -> Identity:
    """What the server says of itself, with the addresses its connection leads to."""
    row = session.fetch(_IDENTITY_SQL, doing="asking the server who it is")[0]
    return Identity(**dict(row), addresses=_addresses(session.settings))


def require_not_a_source(project: ProjectSettings, target: Session) -> None:
    """Raise `TargetRefused` unless every source of the project answers and is another database."""
    sources = [name for name, table in project.tables.items() if table.role == "source"]
    if not sources:
        raise TargetRefused(
            "the project names no source, so nobody can tell whether this is one",
            why="a database is scrubbed in place only when it is known not to be production",
            hint='name production in penstock.toml: [connections.prod] … role = "source"',
        )
    asked = [(name, _asked(project.connection(name))) for name in sources]
    here = identity_of(target)  # after the sources: a primary is then never behind its standby
    others = [
        source
        for _, source in asked
        if not source.in_recovery and source.is_of(here) and not resemblance(source, here)
    ]
    for name, source in asked:
        why = resemblance(source, here, primary_is_another=bool(others))
        if why:
            raise TargetRefused(
                f"{target.database} is, or may be, the source {name}",
                why=why,
                hint="a restored snapshot is scrubbed when it runs on a server of its own, beside the running source"
                + (
                    ': name the source\'s primary too, as a connection with role = "source"'
                    if source.in_recovery
                    else ""
                ),
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


def _addresses(settings: ConnectionSettings) -> frozenset[tuple[str, int]]:
    """Where a connection leads, its host resolved. All ways into this machine are one."""
    if settings.host.startswith("/"):
        return frozenset({(_HERE, settings.port)})
    try:
        found: Iterable[str] = {str(info[4][0]) for info in socket.getaddrinfo(settings.host, None)}
    except OSError:  # the driver found it all the same
        found = {settings.host}
    return frozenset((_HERE if _is_here(text) else text, settings.port) for text in found)


def _is_here(text: str) -> bool:
    try:
        return ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False
