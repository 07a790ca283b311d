"""Room for locks: a server has one table of them, for everybody who works there.

A run holds a lock on every table it reads, and by reading one, on each of its indexes, until its snapshot ends. Where that
fills the table, it is not this run alone that fails: whatever the server does next may.
"""

from __future__ import annotations

from collections.abc import Iterable

from penstock.catalog.model import Catalog, TableName
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError, Refused

_SHARE_OF_FREE = 0.75  # production needs the others
_STEP = 64  # of max_locks_per_transaction: its default


def lockable(session: Session, tables: int) -> int:
    """How many workers may each hold a lock on so many tables of this server."""
    return int(session.fetchval(_FREE_SQL) * _SHARE_OF_FREE) // max(1, tables)


def indexes_of(catalog: Catalog, tables: Iterable[TableName]) -> int:
    """How many indexes reading these logical tables locks."""
    leaves = {leaf for name in tables for leaf in catalog.leaves[name]}
    return sum(len(catalog.tables[leaf].indexes) for leaf in leaves)


def too_many(
    session: Session, locks: int, refusal: type[Refused], *, share: float = _SHARE_OF_FREE
) -> Iterable[PenstockError]:
    """Refuse where a run would take more than a share of the locks that the server of `session` has free.

    `locks`: what is still to come; what the session holds on indexes already is part of it.
    """
    row = session.fetch(f"SELECT ({_FREE_SQL}) AS free, ({_ROOM_SQL}) AS slots, ({_HELD_SQL}) AS held")[0]
    coming = locks - row["held"]
    if coming <= row["free"] * share:
        return
    taken = row["slots"] * _setting(session) - row["free"]
    wanted = (taken + coming / share) / row["slots"]
    yield refusal(
        f"the server of {session.settings.describe()} has room for {max(0, row['free']):,} more locks, "
        f"and this run would take {coming:,}",
        why="reading a table locks it and its indexes until the end, and where no room is left, whatever comes next fails",
        hint=f"there: ALTER SYSTEM SET max_locks_per_transaction = {int(wanted // _STEP + 1) * _STEP};   and restart it",
    )


def _setting(session: Session) -> int:
    return int(session.fetchval("SELECT current_setting('max_locks_per_transaction')::int8"))


# The slots of all who may be connected. What a session notes beside the table (fast path) takes no room in it.
_ROOM_SQL = "current_setting('max_connections')::int8 + current_setting('max_prepared_transactions')::int8"
_FREE_SQL = f"""
SELECT current_setting('max_locks_per_transaction')::int8 * ({_ROOM_SQL})
     - (SELECT count(*) FROM pg_catalog.pg_locks WHERE NOT fastpath AND mode <> 'SIReadLock')
"""
_HELD_SQL = """
SELECT count(*) FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind = 'i'
 WHERE l.pid = pg_catalog.pg_backend_pid() AND c.oid >= 16384
"""
