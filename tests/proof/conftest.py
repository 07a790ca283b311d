"""Two databases and a proof between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from penstock.catalog.model import ColumnName, TableName
from penstock.engines.postgres.session import Session
from penstock.proof.leak import Claim, check_leaks
from penstock.proof.report import LeakReport, Progress
from tests.conftest import MakeDatabase
from tests.servers import Database, Server, unique_name

Prove = Callable[..., LeakReport]

PERSON = "CREATE TABLE person (id int PRIMARY KEY, email text, note text);"
ROWS = "INSERT INTO person SELECT i, 'Erika.' || i || '@Mail.example', 'n' || i FROM generate_series(1, 300) AS i;"
MASKED = "INSERT INTO person SELECT i, 'p' || md5(i::text) || '@masked.example', 'nothing' FROM generate_series(1, 300) AS i;"


def open_snapshot(database: Database) -> Session:
    session = Session.open(database.settings, read_only=True)
    session.begin_snapshot()
    return session


def column(name: str) -> ColumnName:
    """`public.person.email`, or `person.email`, as a ColumnName."""
    *schema, table, bare = name.split(".")
    return ColumnName(TableName(schema[0] if schema else "public", table), bare)


@pytest.fixture(scope="session")
def prove_once() -> Prove:
    """`prove(source, target, fresh="person.email …", same="…", accepted={…}, …)` runs the leak check."""

    def run(
        source: Database,
        target: Database,
        *,
        accepted: frozenset[str] = frozenset(),
        nomenclature: str = "",
        progress: Progress | None = None,
        **claimed: str,
    ) -> LeakReport:
        acknowledged = frozenset(column(name) for name in claimed.pop("acknowledged", "").split())
        memory = int(claimed.pop("pairs_in_memory", str(1 << 21)))
        claims = [
            Claim(column(name), codomain, accepted)  # type: ignore[arg-type]
            for codomain, names in claimed.items()
            for name in names.split()
        ]
        tables = frozenset(TableName("public", name) for name in nomenclature.split())
        with closing(open_snapshot(source)) as here, closing(open_snapshot(target)) as there:
            return check_leaks(
                here,
                there,
                claims,
                nomenclature=tables,
                acknowledged=acknowledged,
                progress=progress,
                pairs_in_memory=memory,
            )

    return run


@pytest.fixture
def prove(prove_once: Prove) -> Prove:
    """The same for one test."""
    return prove_once


def leaks(report: LeakReport) -> set[tuple[str, str, int]]:
    """(origin, place, rows) of every leak."""
    return {
        (str(f.origin).removeprefix("public."), f.place.removeprefix("public."), f.rows) for f in report.leaks
    }


@pytest.fixture(scope="module")
def source(postgres: Server) -> Iterator[Database]:
    """Shared by all tests of a module: read only."""
    database = postgres.create(unique_name("source"))
    database.psql(PERSON + ROWS)
    yield database
    postgres.drop(database.name)


def planted(make_database: MakeDatabase, sql: str) -> Database:
    """A clean target and what `sql` adds to it."""
    return make_database("CREATE EXTENSION citext;" + PERSON + MASKED + sql)
