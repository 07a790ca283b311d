"""Rows far longer than a block: how much of them is under way at once, and that they arrive whole."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from penstock.catalog.model import TableName
from penstock.engines.postgres import session as sessions
from penstock.engines.postgres.loop import Underway
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.masks.build import build
from penstock.masks.contract import Site
from penstock.masks.keys import Keyring
from penstock.pump import move as pump
from penstock.pump.readplan import read_plan
from tests.conftest import MakeDatabase
from tests.servers import Database

ROWS, ROW_BYTES = 12, 3 << 20
TABLE = TableName("public", "note")


class Watched(Underway):
    """Remembers the most that was under way."""

    made: list[Watched]

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit, self.most = limit, 0
        self.made.append(self)

    async def add(self, size: int) -> None:
        self.most = max(self.most, self._size + size)
        await super().add(size)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    Watched.made = []
    monkeypatch.setattr(pump, "Underway", Watched)
    monkeypatch.setattr(sessions, "Underway", Watched)
    return Watched.made


@pytest.fixture
def notes(make_database: MakeDatabase) -> Database:
    return make_database(f"""
        CREATE TABLE note (id int PRIMARY KEY, author text, body text);
        INSERT INTO note SELECT i, 'author ' || i, repeat(md5(i::text), {ROW_BYTES // 32}) FROM generate_series(1, {ROWS}) i;
    """)


def test_only_so_many_bytes_of_long_rows_are_under_way(
    notes: Database, make_database: MakeDatabase, watched: list[Watched]
) -> None:
    made = make_database("CREATE TABLE note (id int PRIMARY KEY, author text, body text)")
    into = replace(made.settings, role="target")
    with (
        Session.open(notes.settings, read_only=True) as source,
        Session.open(into, read_only=False) as target,
    ):
        source.begin_snapshot()
        catalog = reflect(source)
        table = catalog.tables[TABLE]
        mask = build("text", Site.of(table.column("author").type), Keyring(bytes(range(32))))
        plan = read_plan(catalog, table, {"author": mask})
        moved = pump.move(source, target, plan, [plan.select(TABLE)])
    assert moved.rows == ROWS
    assert moved.bytes > ROWS * ROW_BYTES
    assert len(watched) == 2  # between server and reader, between reader and writer
    for one in watched:
        assert one.most <= one.limit + ROW_BYTES + pump.BLOCK_BYTES
    check = "SELECT id, md5(body) FROM note ORDER BY id"
    assert made.rows(check) == notes.rows(check)


def test_a_reader_that_lags_behind_makes_the_server_wait(notes: Database, watched: list[Watched]) -> None:
    with Session.open(notes.settings, read_only=True) as session:
        session.begin_snapshot()
        pieces = session.copy_out("SELECT body FROM public.note ORDER BY id")
        sizes = [len(next(pieces))]
        time.sleep(0.5)  # what would be read ahead has been
        sizes += [len(piece) for piece in pieces]
    assert sum(sizes) == ROWS * (ROW_BYTES + 1)
    assert watched[0].most <= watched[0].limit + max(sizes)
