"""A connection with its settings pinned, as the rest of the library uses it: synchronous, one snapshot, text that
never depends on the server's configuration.

A source with `DateStyle = 'SQL, DMY'` once turned 2020-02-01 into 2020-01-02 without an error. So every
transaction, on both sides, first sets what its text output and input depend on, with SET LOCAL, which also works
through a pooler in transaction mode.
"""

from __future__ import annotations

import asyncio
import io
import queue
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import asyncpg

from penstock.engines.postgres.errors import translated
from penstock.engines.postgres.locks import begin_behind_locks, lock_beside
from penstock.engines.postgres.loop import Underway, beside, event_loop, run
from penstock.errors import DatabaseError, SourceRefused
from penstock.project.connections import ConnectionSettings

PINNED = {
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "TimeZone": "UTC",
    "lc_monetary": "C",
    "xmloption": "content",
    "search_path": "",
    "synchronize_seqscans": "off",
    "row_security": "off",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",  # what the catalog says of types and definitions is compared between servers
    "jit": "off",  # no text depends on it; it spent 1.5 s compiling a catalog query that runs 0.05 s
    # As pg_dump does: a limit meant for applications must not cut a copy in the middle. A lock is another matter.
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": "60s",
}
PIN_SQL = ";".join(f"SET LOCAL {name} = '{value}'" for name, value in PINNED.items())
_LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
_LOCK_MILLISECONDS = 60_000  # as pinned above
CONNECT_SECONDS = 15.0
_STREAM_BYTES = 1 << 20  # of a COPY, read ahead of who asked for it
_TRANSACTION_TIMEOUT_SINCE = 17


async def open_connection(
    settings: ConnectionSettings, *, application_name: str, database: str | None = None
) -> asyncpg.Connection:
    """A raw asyncpg connection. No statement cache and no startup parameter but the name, so poolers work."""
    extra: dict[str, Any] = {}
    if settings.sslmode:
        extra["ssl"] = settings.sslmode
    files = {
        key: value for key, value in settings.params.items() if key in ("sslrootcert", "sslcert", "sslkey")
    }
    if files:  # asyncpg takes them in a URL only; the arguments below win over the rest of it
        extra["dsn"] = "postgresql:///?" + urlencode(files)
    return await asyncpg.connect(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=settings.password.reveal() if settings.password else None,
        database=database or settings.dbname,
        timeout=float(settings.params.get("connect_timeout", CONNECT_SECONDS)),
        statement_cache_size=0,
        server_settings={"application_name": application_name},
        **extra,
    )


class Session:
    """One connection used by one thread at a time. `Session.open(...)` is a context manager."""

    def __init__(
        self, connection: asyncpg.Connection, settings: ConnectionSettings, database: str, *, read_only: bool
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.database = database
        self.read_only = read_only
        self.snapshot_id: str | None = None
        self._lock_milliseconds = 0  # of the role, where it is more patient than what is pinned
        self.rows_copied = 0  # what the server said of the last COPY that was read to its end

    @classmethod
    def open(
        cls,
        settings: ConnectionSettings,
        *,
        read_only: bool,
        application_name: str = "penstock",
        database: str | None = None,
    ) -> Self:
        """Connect. `read_only` sessions run every transaction READ ONLY, snapshot or not; a source has no others."""
        if settings.role == "source" and not read_only:
            raise SourceRefused(
                f"{settings.name} is a source, and something wanted to write to it",
                why="connections with the role source are only ever read",
                hint=f'if this is a mistake in penstock.toml: [connections.{settings.name}] role = "target"',
            )
        with translated(f"connecting to {settings.describe()}"):
            connection = run(open_connection(settings, application_name=application_name, database=database))
        return cls(connection, settings, database or settings.dbname, read_only=read_only)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close; an open transaction is rolled back. Never raises."""
        if not self.connection.is_closed():
            try:
                run(asyncio.wait_for(self.connection.close(), 5))
            except (Exception, asyncio.CancelledError):  # noqa: BLE001 - closing is best effort
                self.connection.terminate()

    def begin_snapshot(
        self, snapshot_id: str | None = None, *, export: bool = False, locked: bool = False
    ) -> None:
        """Open the one transaction of this session: REPEATABLE READ READ ONLY, settings pinned.

        With `snapshot_id` it sees exactly what the exporting session sees; with `export` it exports its own. With
        `locked` the tables are locked before it is taken: no rewrite of one can hide its rows.
        """
        with translated(f"opening a snapshot of {self.settings.describe()}"):
            run(self._begin(snapshot_id, export=export, locked=locked))

    async def _begin(self, snapshot_id: str | None, *, export: bool, locked: bool) -> None:
        encoding, patience = await self._guarded(
            self.connection.fetchrow,
            "SELECT pg_catalog.current_setting('server_encoding'), setting::pg_catalog.int8 FROM pg_catalog.pg_settings "
            "WHERE name OPERATOR(pg_catalog.=) 'lock_timeout'",  # the search path is not pinned yet
        )
        self._lock_milliseconds = patience if patience > _LOCK_MILLISECONDS else 0
        if encoding == "SQL_ASCII":
            raise SourceRefused(
                f"the database {self.settings.describe()} has the encoding SQL_ASCII",
                why="its bytes have no declared meaning, so they cannot be read faithfully",
                hint="restore it into a database with a real encoding (pg_dump -E …) and use that as source",
            )

        async def begin() -> None:
            await self.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if snapshot_id is not None:
                await self.connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot_id}'")
            await self.pin()

        if locked:
            await begin_behind_locks(self.connection, self.pin, begin, self.settings.describe())
        else:
            await begin()
        self.snapshot_id = snapshot_id
        if export:
            self.snapshot_id = await self.connection.fetchval("SELECT pg_catalog.pg_export_snapshot()")

    def lock_beside(self, tables: Sequence[str]) -> None:
        """In its snapshot, lock tables that the session it has the snapshot from has locked. Raises `MigrationWaits`
        where one waits for one of them."""
        run(lock_beside(self.connection, tables, self.settings.describe()))
        with translated("preparing a transaction"):
            run(self.pin())

    async def pin(self, begin: str = "") -> None:
        """SET LOCAL everything text depends on, after `begin` in the same message; no statement or idle limit cuts our own
        snapshot. That waits for a lock longer than is pinned where the role's own `lock_timeout` is longer: a REINDEX of
        production may take its time.

        SET takes no snapshot; a SELECT would, before the locks it is to be taken behind.
        """
        newest = self.connection.get_server_version().major >= _TRANSACTION_TIMEOUT_SINCE
        more = ";SET LOCAL transaction_timeout = 0" if newest else ""
        if self._lock_milliseconds:
            more += f";SET LOCAL lock_timeout = {self._lock_milliseconds}"
        await self.connection.execute(begin + PIN_SQL + more)

    def lift_limits(self) -> None:
        """No limit of the server or the role cuts what this session does, in a transaction or out of one, nor ends it while it
        waits for others. Where waiting for a lock must end, a transaction pins that."""
        major = self.connection.get_server_version().major
        names = (*_LIMITS, *(["transaction_timeout"] if major >= _TRANSACTION_TIMEOUT_SINCE else []))
        self.execute(";".join(f"SET {name} = 0" for name in names), doing="lifting limits of the role")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A read-write transaction with the settings pinned: committed at the end of the block, rolled back by whatever
        else ends it."""
        try:
            with translated(f"opening a transaction on {self.settings.describe()}"):
                run(self.pin("BEGIN;"))
            yield
            with translated("committing"):
                status = run(self.connection.execute("COMMIT"))
        except BaseException:
            if not self.connection.is_closed() and self.connection.is_in_transaction():
                with suppress(Exception):  # what went wrong before is what counts; closing rolls back too
                    run(self.connection.execute("ROLLBACK"))
            raise
        if status != "COMMIT":
            raise DatabaseError(
                "the transaction was not committed",
                why="a statement in it had failed",
                hint="run the command again; nothing was changed",
            )

    def fetch(self, sql: str, *args: Any, doing: str = "reading the catalog") -> list[asyncpg.Record]:
        """The rows of one statement; on a read-only session always inside a READ ONLY transaction."""
        with translated(doing):
            result: list[asyncpg.Record] = run(self._guarded(self.connection.fetch, sql, *args))
        return result

    @property
    def is_encrypted(self) -> bool:
        """Whether this connection goes through TLS, as the server sees it."""
        query = "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()"
        return bool(self.fetchval(query))

    def fetchval(self, sql: str, *args: Any, doing: str = "reading the catalog") -> Any:
        """The first column of the first row, or None."""
        with translated(doing):
            return run(self._guarded(self.connection.fetchval, sql, *args))

    def execute(self, sql: str, *, doing: str = "running a statement") -> str:
        with translated(doing):
            status: str = run(self._guarded(self.connection.execute, sql))
        return status

    async def _guarded(self, call: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        if not self.read_only or self.connection.is_in_transaction():
            return await call(*args)
        async with self.connection.transaction(readonly=True):
            return await call(*args)

    def copy_out(self, query: str, *, binary: bool = False, doing: str = "reading rows") -> Iterator[bytes]:
        """`COPY (query) TO STDOUT` as blocks of bytes, in the order they come.

        Whoever stops half-way has lost the transaction, and maybe the connection: nothing can be asked after it.
        """
        blocks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        underway = Underway(_STREAM_BYTES)
        loop = event_loop()
        future = asyncio.run_coroutine_threadsafe(
            self._copy(query, "binary" if binary else "text", blocks.put, underway), loop
        )
        try:
            while (block := blocks.get()) is not None:
                size = len(block)
                yield block
                del block
                loop.call_soon_threadsafe(underway.take, size)
            with translated(doing):
                future.result()
        finally:
            future.cancel()

    def copy_in(self, table: str, data: bytes, *, doing: str) -> None:
        """`COPY pg_temp.table FROM STDIN` in binary format."""
        with translated(doing):
            run(
                self.connection.copy_to_table(
                    table, schema_name="pg_temp", source=io.BytesIO(data), format="binary"
                )
            )

    async def stream(self, query: str, *, binary: bool = False) -> AsyncGenerator[bytes, None]:
        """`copy_out` for callers that already run on the library's loop."""
        blocks: asyncio.Queue[bytes | None] = asyncio.Queue()
        underway = Underway(_STREAM_BYTES)
        async with beside(
            self._copy(query, "binary" if binary else "text", blocks.put_nowait, underway)
        ) as reader:
            while (block := await blocks.get()) is not None:
                size = len(block)
                yield block
                del block
                underway.take(size)
            await reader

    async def _copy(
        self, query: str, form: str, put: Callable[[bytes | None], None], underway: Underway
    ) -> None:
        """Put the blocks of a COPY, and None at its end, however it ends. A block that was put is underway."""

        async def pass_on(block: bytes) -> None:
            put(block)
            await underway.add(len(block))

        try:
            status = await self.connection.copy_from_query(query, output=pass_on, format=form)
            self.rows_copied = int(status.split()[-1])
        finally:
            put(None)
