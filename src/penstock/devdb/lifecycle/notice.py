"""Warning those who work in a database before it is swapped.

PostgreSQL has no way to put a message onto somebody's screen. What there is: their sessions, listed to whoever runs the reset;
a NOTIFY on the channel `penstock` for programs that LISTEN; and time.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from penstock.catalog.model import quote_literal
from penstock.devdb.context import Context
from penstock.devdb.durations import in_words
from penstock.devdb.progress import Progress, note
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError

CHANNEL = "penstock"
_LOOK_EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Connected:
    """Somebody's session in the database."""

    user: str
    application: str
    address: str
    state: str

    def __str__(self) -> str:
        return f"{self.user}, {self.application or 'no application name'}, {self.address}, {self.state}"


def connected(maintenance: Session, database: str) -> tuple[Connected, ...]:
    """Who works in the database, our own sessions left aside."""
    rows = maintenance.fetch(
        "SELECT usename::text AS user, application_name AS application, coalesce(host(client_addr), 'local') AS address, "
        "coalesce(state, '') AS state FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND usesysid IS NOT NULL "
        "AND application_name NOT LIKE 'penstock dev %' ORDER BY backend_start",
        database,
    )
    return tuple(Connected(row["user"], row["application"], row["address"], row["state"]) for row in rows)


class Notice:
    """Given at the beginning of a reset; the swap waits for its end. Nobody connected, nothing to wait for."""

    def __init__(self, context: Context, maintenance: Session, grace: timedelta, progress: Progress) -> None:
        self._context, self._maintenance, self._progress = context, maintenance, progress
        self._until = time.monotonic() + grace.total_seconds()
        self.warned = connected(maintenance, context.database)
        if not self.warned:
            return
        database = context.database
        note(
            progress,
            f"{len(self.warned)} connected to {database}, to be disconnected in {in_words(grace)} or later:",
        )
        for session in self.warned:
            note(progress, f"  {session}")
        text = (
            f"{database} is reset in {in_words(grace)} or later: finish what you do, you will be disconnected"
        )
        with suppress(DatabaseError), context.target_session(database) as target:
            target.execute(f"NOTIFY {CHANNEL}, {quote_literal(text)}")

    def wait(self) -> None:
        """Until the time is over or nobody is connected any more."""
        while time.monotonic() < self._until and connected(self._maintenance, self._context.database):
            time.sleep(_LOOK_EVERY_SECONDS)
