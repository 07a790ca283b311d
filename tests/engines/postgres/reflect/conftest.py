"""A database that has one of everything (reflected.sql), and what `reflect` finds in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.catalog.model import TableName
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from tests.servers import unique_name

SCRIPT = (Path(__file__).parent / "reflected.sql").read_text()
WITHOUT_ICU = re.sub(r"CREATE COLLATION[^;]*;| COLLATE crm.anycase", "", SCRIPT)


def reflected(database):
    with Session.open(database.settings, read_only=True) as session:
        session.begin_snapshot()
        return reflect(session)


def has_icu(server):
    # A build without ICU knows a collation of it by name, and cannot use it.
    return server.maintenance.value("SELECT count(*) FROM pg_collation WHERE collprovider = 'i'") > 9


def script_for(server):
    return SCRIPT if has_icu(server) else WITHOUT_ICU


@pytest.fixture(scope="module")
def database(postgres):
    database = postgres.create(unique_name("reflected"))
    database.psql(script_for(postgres))
    yield database
    postgres.drop(database.name)


@pytest.fixture(scope="module")
def catalog(database):
    return reflected(database)


@pytest.fixture(scope="module")
def everything(catalog):
    return catalog.tables[TableName("crm", "everything")]


def public(name):
    return TableName("public", name)


def by_name(items, name):
    return next(item for item in items if item.name == name)
