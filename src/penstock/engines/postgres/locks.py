"""The tables of a source are locked first, and the snapshot is taken behind the locks.

A table that ALTER TABLE or TRUNCATE rewrote is empty under a snapshot older than the rewrite (PostgreSQL documents it
as a caveat), and a snapshot taken before a lock may be that old by the time the lock is there. LOCK TABLE itself
needs no snapshot. ACCESS SHARE, as a query takes it, keeps out nothing but such changes.

Whoever asks for a table while a migration waits for it waits behind the migration. So of several sessions that read side
by side each locks what it will read before the first row: one that came to a table later would wait for the migration,
which waits for the session that has the snapshot, which waits for its workers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from penstock.engines.postgres.errors import LOCKED_HINT, translated
from penstock.errors import MigrationWaits, QueryError

_MOST_TRIES = 3
PATIENCE = "5s"  # with a migration that itself waits only for a moment, and then tries again

# Whatever rows are read from: `skip` is not known yet, and reflecting a table takes the same lock for a moment.
_TABLES = r"""
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
   AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
"""
_NAMES_SQL = f"SELECT format('%I.%I', n.nspname, c.relname) AS name {_TABLES} ORDER BY c.oid"
# Asked in the snapshot: the locks that count are those we hold, whatever the names meant when they were taken.
_UNLOCKED_SQL = f"""
SELECT count(*) {_TABLES} AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_locks l
     WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation = c.oid
       AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
)
"""


async def begin_behind_locks(
    connection: asyncpg.Connection,
    pin: Callable[[], Awaitable[None]],
    begin: Callable[[], Awaitable[None]],
    database: str,
) -> None:
    """Begin with every table locked that this role may read and that the snapshot shows.

    `pin` sets what the catalog query depends on. `begin` opens the transaction without taking its snapshot.
    """
    for _ in range(_MOST_TRIES):
        async with connection.transaction(readonly=True):
            await pin()
            names = [row["name"] for row in await connection.fetch(_NAMES_SQL)]
        await begin()
        if await _locked(connection, names, database) and not await connection.fetchval(_UNLOCKED_SQL):
            return
        await connection.execute("ROLLBACK")
    raise QueryError(
        f"the tables of {database} change faster than they can be locked",
        why=f"{_MOST_TRIES} times in a row one was made, dropped or renamed at that moment, or a migration was in the way",
        hint="run the command again when the migration is done",
    )


async def lock_beside(connection: asyncpg.Connection, names: Sequence[str], database: str) -> None:
    """Lock tables that another session of this run has locked and does not let go. Leaves `lock_timeout` changed.

    Only a migration that waits for that session can be in the way. It would wait as long as the run lasts.
    """
    if not names:
        return
    with translated(f"locking the tables of {database}"):
        try:
            await connection.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            await connection.execute(_lock_sql(names))
        except asyncpg.LockNotAvailableError:
            raise MigrationWaits(
                f"a migration waits for a table of {database} that this run is about to read",
                why="it waits for the command, whose workers would wait behind it, and the command for them",
                hint=LOCKED_HINT,
            ) from None
        except asyncpg.OutOfMemoryError:
            raise _no_room(names, database) from None


async def _locked(connection: asyncpg.Connection, names: Sequence[str], database: str) -> bool:
    """Lock them all; False when one is gone, or somebody who holds one waits for another of ours."""
    if not names:
        return True
    with translated(f"locking the tables of {database}"):
        try:
            await connection.execute(_lock_sql(names))
        except (
            asyncpg.UndefinedTableError,
            asyncpg.InvalidSchemaNameError,
            asyncpg.WrongObjectTypeError,
            asyncpg.DeadlockDetectedError,
        ):
            return False
        except asyncpg.OutOfMemoryError:
            raise _no_room(names, database) from None
    return True


def _lock_sql(names: Sequence[str]) -> str:
    return f"LOCK TABLE {', '.join(f'ONLY {name}' for name in names)} IN ACCESS SHARE MODE"


def _no_room(names: Sequence[str], database: str) -> QueryError:
    return QueryError(
        f"the server of {database} has no room for the locks of {len(names)} tables",
        why="its table of locks is full",
        hint="there: ALTER SYSTEM SET max_locks_per_transaction = 256;   and restart it",
    )
