"""Rows from a source session, through masks, into a target session: COPY to COPY, pipelined.

Reader, masks (worker threads, in order) and writer run at once, with so many bytes under way between them at most. asyncpg
hands over COPY data in network-sized blocks (0.6-0.8 µs of CPU per row), where psycopg yields one Python object per row
(1.8 µs).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import pyarrow as pa

from penstock.catalog.model import TableName
from penstock.engines.postgres.errors import translated
from penstock.engines.postgres.loop import Underway, beside, next_item, run, seen
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError
from penstock.machine import keep_freed_memory, processors
from penstock.pump.copytext import RowBlocks
from penstock.pump.readplan import ReadPlan
from penstock.pump.transform import Moved, RowFilter, Transform

BLOCK_BYTES = 1 << 22
# Of blocks being masked or waiting for the writer. A longer one is sent off too, and nothing more is read before it is gone.
_UNDERWAY_BYTES = 3 * BLOCK_BYTES
_MESSAGE_BYTES = 1 << 20  # what is handed to the connection at once: it copies that twice

Written = Callable[[int, int], None]
"""Called with the rows and bytes written since the last call."""


@dataclass(frozen=True, slots=True)
class Totals:
    rows: int = 0
    bytes: int = 0


def move(
    source: Session,
    target: Session,
    plan: ReadPlan,
    queries: Iterable[str],
    *,
    row_filter: RowFilter | None = None,
    into: TableName | None = None,
    frozen: bool = False,
    progress: Written | None = None,
) -> Totals:
    """Copy what `queries` (SELECTs made by `plan.select`) return into `plan.table` (or `into`) of the target, masked.

    The source is inside its snapshot; the target commits once, when everything has arrived. With `row_filter` the
    queries select the row address first. With `frozen` the rows are seen by all from the start, which PostgreSQL allows
    for a table that the same transaction truncated.
    """
    keep_freed_memory()
    # Where both servers want a processor too, a second thread only takes the interpreter away from the first one.
    count = 2 if processors() > 2 else 1
    threads = ThreadPoolExecutor(max_workers=count, thread_name_prefix="penstock-mask")
    with translated(f"copying {plan.table}"), threads as workers:
        return run(
            _Move(source, target, Transform(plan, row_filter), progress, workers).run(
                plan, queries, into, frozen=frozen
            )
        )


class _Move:
    """The rows of one table under way: read beside the writer, masked in between, counted at both ends."""

    def __init__(
        self,
        source: Session,
        target: Session,
        transform: Transform,
        progress: Written | None,
        workers: ThreadPoolExecutor,
    ) -> None:
        self._source = source
        self._target = target
        self._transform = transform
        self._progress = progress
        self._workers = workers
        self._ready: asyncio.Queue[tuple[asyncio.Future[Moved], int] | None] = asyncio.Queue()
        self._underway = Underway(_UNDERWAY_BYTES)
        self._promised = self._read_rows = self._rows = self._size = 0

    async def run(
        self, plan: ReadPlan, queries: Iterable[str], into: TableName | None, *, frozen: bool
    ) -> Totals:
        table = into or plan.table
        async with beside(self._read(queries)) as reader, _transaction(self._target):
            status = await self._target.connection.copy_to_table(
                table.table,
                schema_name=table.schema,
                columns=list(plan.written) or None,
                source=self._outgoing(reader),
                format="text",
                freeze=frozen or None,
            )
            await reader
            _require_all(table, self._promised, self._read_rows, self._rows, status)
        return Totals(self._rows, self._size)

    async def _read(self, queries: Iterable[str]) -> None:
        cutter = RowBlocks(BLOCK_BYTES)
        for query in queries:
            async with aclosing(self._source.stream(query)) as pieces:
                async for piece in pieces:
                    block = cutter.push(piece)
                    if block is not None:
                        await self._mask(block)
            self._promised += self._source.rows_copied
        rest = cutter.finish()
        if rest:
            await self._mask(rest)
        self._ready.put_nowait(None)

    async def _mask(self, block: bytes) -> None:
        future = asyncio.get_running_loop().run_in_executor(self._workers, self._transform, block)
        future.add_done_callback(seen)
        self._ready.put_nowait((future, len(block)))
        await self._underway.add(len(block))

    async def _outgoing(self, reader: asyncio.Future[None]) -> AsyncIterator[memoryview]:
        while (item := await next_item(self._ready, reader)) is not None:
            future, size = item
            moved = await future
            self._rows += moved.rows
            self._read_rows += moved.read
            self._size += len(moved.data)
            if self._progress is not None:
                self._progress(moved.rows, len(moved.data))
            long = size > _UNDERWAY_BYTES
            if not long:
                self._underway.take(size)  # the reader goes on while this is written
            for start in range(0, len(moved.data), _MESSAGE_BYTES):
                yield moved.data[start : start + _MESSAGE_BYTES]
            del item, future, moved  # a long row is not held until the next one is there
            if long:
                pa.default_memory_pool().release_unused()  # Arrow keeps what it freed: twice a long row
                self._underway.take(size)


def move_untouched(
    source: Session,
    target: Session,
    plan: ReadPlan,
    query: str,
    *,
    into: TableName,
    frozen: bool = False,
    progress: Written,
) -> Totals:
    """Copy what a query made by `plan.select` returns as it is, in the binary form of COPY, which nobody here reads.

    For columns whose binary form means the same in both databases. The source is inside its snapshot; the target commits
    once, when everything has arrived.
    """

    async def copy() -> Totals:
        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in pieces:
                size += len(piece)
                progress(0, len(piece))
                yield piece

        async with aclosing(source.stream(query, binary=True)) as pieces, _transaction(target):
            status = await target.connection.copy_to_table(
                into.table,
                schema_name=into.schema,
                columns=list(plan.written),
                source=counted(),
                format="binary",
                freeze=frozen or None,
            )
            rows = source.rows_copied
            _require_all(into, rows, rows, rows, status)
        progress(rows, 0)
        return Totals(rows, size)

    with translated(f"copying {plan.table}"):
        return run(copy())


def _require_all(table: TableName, promised: int, arrived: int, sent: int, status: str) -> None:
    written = int(status.rpartition(" ")[2])
    if (promised, sent) != (arrived, written):
        raise DatabaseError(
            f"rows were lost while copying {table}",
            why=f"the source sent {promised}, {arrived} arrived, {sent} went on, {written} were written",
            hint="please report this; nothing was kept of this table",
        )


@asynccontextmanager
async def _transaction(target: Session) -> AsyncIterator[None]:
    """The caller's transaction, or one of our own; settings pinned either way."""
    if target.connection.is_in_transaction():
        await target.pin()
        yield
        return
    async with target.connection.transaction():
        await target.pin()
        yield
