"""Catalogs for the policy's tests: DDL goes to a real server and comes back through `reflect`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from penstock.catalog.model import Catalog, ColumnName, TableName
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.masks.keys import Keyring
from penstock.policy.decision import Policy
from penstock.policy.registry_file import parse
from penstock.policy.resolve import resolve
from tests.servers import Database, Server, unique_name

KEYS = Keyring(bytes(range(32)))
CatalogOf = Callable[[str], Catalog]
Resolved = Callable[..., Policy]


@pytest.fixture(scope="session")
def scratch(postgres: Server) -> Iterator[Database]:
    """One database that every test empties before it writes its own schema."""
    database = postgres.create(unique_name("policy"))
    yield database
    postgres.drop(database.name)


@pytest.fixture
def catalog_of(scratch: Database) -> CatalogOf:
    """The catalog of a schema given as DDL."""

    def make(ddl: str) -> Catalog:
        extra = [
            row[0]
            for row in scratch.rows(
                "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
            )
        ]
        drops = "".join('DROP SCHEMA "' + name.replace('"', '""') + '" CASCADE;' for name in extra)
        scratch.execute(f"{drops} CREATE SCHEMA public; {ddl}")
        with Session.open(scratch.settings, read_only=True) as session:
            return reflect(session)

    return make


@pytest.fixture
def resolved(catalog_of: CatalogOf) -> Resolved:
    """The policy of a schema (DDL) under a registry (TOML)."""

    def make(ddl: str, masks: str = "", **options: object) -> Policy:
        return resolve(catalog_of(ddl), registry=parse(masks), keys=KEYS, **options)  # type: ignore[arg-type]

    return make


def column(name: str) -> ColumnName:
    """`a.x` or `schema.a.x` as a column's name."""
    *schema, table, own = name.split(".")
    return ColumnName(TableName(schema[0] if schema else "public", table), own)


def undecided(policy: Policy) -> set[str]:
    return {str(u.column).removeprefix("public.") for u in policy.undecided}
