"""Several connections to the database that is pruned, and work handed out to them, the largest piece first.

Threads are enough: each waits for its server. An error or Ctrl-C cuts all connections, so that nobody waits for the others.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager

from penstock.devdb.context import Context
from penstock.devdb.prune import stage
from penstock.engines.postgres.loop import event_loop
from penstock.engines.postgres.session import PINNED, Session
from penstock.machine import processors

Work = Callable[[Session], None]
_MOST_JOBS = 8


def default_jobs() -> int:
    return max(2, min(processors(), _MOST_JOBS))


class Crew:
    """Sessions that may write, each used by one piece of work at a time."""

    def __init__(self, sessions: list[Session]) -> None:
        self._sessions = sessions
        self._free: queue.SimpleQueue[Session] = queue.SimpleQueue()
        for session in sessions:
            self._free.put(session)

    def do(self, work: Iterable[Work]) -> None:
        """Carry out all of it, in any order; the first failure is raised when nothing runs any more."""
        with ThreadPoolExecutor(len(self._sessions)) as pool:
            futures = [pool.submit(self._one, piece) for piece in work]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                for future in futures:
                    future.cancel()
                for session in self._sessions:
                    event_loop().call_soon_threadsafe(session.connection.terminate)
                raise

    def _one(self, piece: Work) -> None:
        session = self._free.get()
        try:
            piece(session)
        finally:
            self._free.put(session)


@contextmanager
def crew(context: Context, database: str, jobs: int) -> Iterator[Crew]:
    """`jobs` connections to `database`, prepared."""
    with ExitStack() as stack:
        sessions = [stack.enter_context(context.target_session(database)) for _ in range(jobs)]
        for session in sessions:
            _prepare(session)
            stage.prepare(session)
        yield Crew(sessions)


def _prepare(session: Session) -> None:
    """Pin what VACUUM and REINDEX, which know no transaction, depend on too.

    Not the search_path: functions in indexes, CHECKs and generated columns may need the one people have. What the
    server itself brings is found first all the same.
    """
    pinned = {**PINNED, "synchronous_commit": "off", "default_tablespace": ""}
    pinned.pop("search_path")
    for name, value in pinned.items():
        session.execute(f"SET {name} = '{value}'", doing="preparing a connection")
    if session.connection.get_server_version().major >= 17:
        session.execute("SET transaction_timeout = 0", doing="preparing a connection")
    session.execute(
        "SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'pg_catalog', "
        "nullif(pg_catalog.current_setting('search_path'), '')), false), "
        "pg_catalog.set_config('maintenance_work_mem', greatest(setting::int8, 262144) || 'kB', false) "
        "FROM pg_catalog.pg_settings WHERE name = 'maintenance_work_mem'",
        doing="preparing a connection",
    )
