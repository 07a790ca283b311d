"""Rows from a source session, through masks, into a target session: COPY to COPY, pipelined.

Reader, masks (worker threads, in order) and writer run at once over a short queue. asyncpg hands over COPY data in
network-sized blocks (0.6-0.8 µs of CPU per row), where psycopg yields one Python object per row (1.8 µs).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from penstock.catalog.model import TableName
from penstock.engines.postgres.errors import translated
from penstock.engines.postgres.loop import run
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError
from penstock.pump.copytext import RowBlocks
from penstock.pump.readplan import ReadPlan
from penstock.pump.transform import Moved, RowFilter, Transform

BLOCK_BYTES = 1 << 21
_CANCEL_SECONDS = 5.0
_IN_FLIGHT = 4  # blocks being masked or waiting for the writer

Progress = Callable[[int, int], None]
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
    progress: Progress | None = None,
) -> Totals:
    """Copy what `queries` (SELECTs made by `plan.select`) return into `plan.table` (or `into`) of the target, masked.

    The source is inside its snapshot; the target commits once, when everything has arrived. With `row_filter` the
    queries select the row address first.
    """
    with translated(f"copying {plan.table}"):
        return run(
            _move(
                source,
                target,
                Transform(plan, row_filter),
                into or plan.table,
                plan.written,
                queries,
                progress,
            )
        )


async def _move(
    source: Session,
    target: Session,
    transform: Transform,
    into: TableName,
    columns: tuple[str, ...],
    queries: Iterable[str],
    progress: Progress | None,
) -> Totals:
    rows = size = read_rows = promised = 0
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="penstock-mask") as workers:
        ready: asyncio.Queue[asyncio.Future[Moved] | None] = asyncio.Queue(maxsize=_IN_FLIGHT)

        async def mask(block: bytes) -> None:
            future = loop.run_in_executor(workers, transform, block)
            future.add_done_callback(_seen)
            await ready.put(future)

        async def read() -> None:
            nonlocal promised
            cutter = RowBlocks(BLOCK_BYTES)
            for query in queries:
                async with aclosing(source.stream(query)) as pieces:
                    async for piece in pieces:
                        block = cutter.push(piece)
                        if block is not None:
                            await mask(block)
                promised += source.rows_copied
            rest = cutter.finish()
            if rest:
                await mask(rest)
            await ready.put(None)

        reader = asyncio.ensure_future(read())
        reader.add_done_callback(_seen)

        async def outgoing() -> AsyncIterator[memoryview]:
            nonlocal rows, size, read_rows
            while True:
                taking = asyncio.ensure_future(ready.get())
                try:
                    await asyncio.wait({taking, reader}, return_when=asyncio.FIRST_COMPLETED)
                    if not taking.done():
                        reader.result()  # raises what ended it before its last block
                    future = await taking
                finally:
                    taking.cancel()
                if future is None:
                    return
                moved = await future
                rows += moved.rows
                read_rows += moved.read
                size += len(moved.data)
                if progress is not None:
                    progress(moved.rows, len(moved.data))
                if len(moved.data):
                    yield moved.data

        try:
            async with _transaction(target):
                status = await target.connection.copy_to_table(
                    into.table,
                    schema_name=into.schema,
                    columns=list(columns) or None,
                    source=outgoing(),
                    format="text",
                )
                await reader
                if (promised, rows) != (read_rows, int(status.split()[-1])):
                    raise DatabaseError(
                        f"rows were lost while copying {into}",
                        why=f"the source sent {promised}, {read_rows} arrived, {rows} went on, the target said {status}",
                        hint="please report this; nothing was kept of this table",
                    )
        finally:
            reader.cancel()
            await asyncio.wait({reader}, timeout=_CANCEL_SECONDS)
    return Totals(rows, size)


def _seen(future: asyncio.Future[Any]) -> None:
    """Look at the outcome, so that asyncio does not complain of the second failure when the first one is reported."""
    if not future.cancelled():
        future.exception()


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
