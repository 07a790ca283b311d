"""Databases that the tests of the closure share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.devdb.closure.closures import schema
from tests.servers import Database, Server, unique_name


@pytest.fixture(scope="module")
def given(postgres: Server) -> Iterator[Callable[[str], Database]]:
    """A database with the schema of that name and its rows, shared by the tests: look, do not touch."""
    made: dict[str, Database] = {}

    def make(name: str) -> Database:
        if name not in made:
            made[name] = postgres.create(unique_name("closure"))
            made[name].psql(schema(name))
        return made[name]

    yield make
    for database in made.values():
        postgres.drop(database.name)
