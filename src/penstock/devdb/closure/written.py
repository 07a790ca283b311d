"""SQL that people wrote (`where`, `order_by`, `on`): run as they expect, and checked to be no more than a condition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from penstock.catalog.model import Catalog, quote_identifier
from penstock.devdb.closure.addresses import Source
from penstock.engines.postgres.errors import NO_SQL_OF_YOURS
from penstock.errors import ConfigError, DatabaseError, QueryError, SnapshotLost, SourceRefused


@contextmanager
def user_search_path(session: Source, catalog: Catalog, *schemas: str) -> Iterator[None]:
    """Run SQL people wrote as they expect: names are found in the tables' schemas, in public, where extensions are."""
    path = dict.fromkeys(
        [*schemas, "public", *sorted(set(catalog.extension_schemas.values()) - {"pg_catalog"})]
    )
    session.execute(
        "SET LOCAL search_path = " + ", ".join(map(quote_identifier, path)), doing="setting the search path"
    )
    try:
        yield
    except DatabaseError as error:
        if error.hint == NO_SQL_OF_YOURS:
            error.hint = "check the SQL in penstock.toml"
        raise
    # Not in a `finally`: after an error the transaction takes no further statement, and ends.
    session.execute("SET LOCAL search_path = ''", doing="setting the search path")


def check_condition(session: Source, query: str, condition: str, whose: str, doing: str) -> None:
    """Raise unless `condition` is one condition over what `query` (`SELECT … FROM …`) reads: QueryError for what the
    server does not take, ConfigError for what it takes only because of the parentheses around it.

    `WHERE (true) OR (true)` is good SQL, but `true) OR (true` is no condition: it would change what stands beside it.
    The server itself tells, whatever quotes and comments there are: without our parentheses it does not parse, because
    no statement ever closes more of them than it has opened.
    """
    check_sql(session, f"{query} WHERE ({condition}\n) LIMIT 0", whose, doing)
    try:
        check_sql(session, f"{query} WHERE {condition}\nLIMIT 0", whose, doing)
    except QueryError:
        raise ConfigError(
            f"{whose} is no condition that stands by itself",
            why="it closes the parentheses it is put into, or is a query",
            hint="mend its parentheses in penstock.toml or --root: it must be good after WHERE and inside ( … )",
        ) from None


def check_sql(session: Source, query: str, whose: str, doing: str) -> None:
    """Raise QueryError unless the server takes `query` as one statement: the extended protocol parses exactly one."""
    with sql_of(whose):
        session.fetch(query, doing=doing)


@contextmanager
def sql_of(whose: str) -> Iterator[None]:
    """Say whose SQL it was that failed."""
    try:
        yield
    except (SnapshotLost, SourceRefused):
        raise
    except DatabaseError as error:
        raise QueryError(
            f"{whose} is not a condition the database can evaluate",
            why=error.why,
            hint="try it in psql: SELECT count(*) FROM … WHERE …",
        ) from None
