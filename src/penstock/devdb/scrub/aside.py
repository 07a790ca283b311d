"""Setting originals aside, and filling the tables again from there, through the masks.

An original is copied within the server as it is, one flat table per logical table. While it is there, masks that read
other columns or follow a foreign key find the values they were made for, whatever has been masked already.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from penstock.catalog.model import ColumnName, Table, TableName, quote_identifier, quote_literal
from penstock.devdb.scrub.state import ASIDE
from penstock.devdb.scrub.work import Work
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError
from penstock.pump.readplan import ReadPlan, read_plan

REAL = TableName(ASIDE, "real")


_ADDED_SQL = """
SELECT coalesce(array_agg(name), '{}') FROM unnest($1::text[]) AS w(name)
 WHERE EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = name::regclass AND a.atthasmissing)
"""


def making(table: Table, name: TableName) -> str:
    """The statement that makes the table for the originals of a logical table, without rows. It is committed before there are
    any: of files of a table that is not, a crash of the server would leave the originals in its folder for good.

    Without statistics, now or by autovacuum: they would be the originals' values once more.
    """
    return (
        f"DROP TABLE IF EXISTS {name.sql}; CREATE TABLE {name.sql} WITH (autovacuum_enabled = off) "
        f"AS {_rows(table)} WITH NO DATA"
    )


def copying(table: Table, name: TableName) -> str:
    """The statement that copies the rows of a logical table, as they are."""
    return f"INSERT INTO {name.sql} {_rows(table)}"


def _rows(table: Table) -> str:
    columns = ", ".join(quote_identifier(c.name) for c in table.stored_columns)
    only = "" if table.kind == "partitioned" else "ONLY "
    return f"SELECT {columns} FROM {only}{table.name.sql}"


def keep_real(session: Session, values: Mapping[ColumnName, frozenset[str]]) -> None:
    """Note the values that stay real, beside the originals: their rows cannot be found again once they are masked."""
    session.execute(f'CREATE TABLE {REAL.sql} (schema text, "table" text, "column" text, value text)')
    for column, found in values.items():
        of_column = ", ".join(quote_literal(part) for part in (*column.table, column.column))
        for value in sorted(found):
            session.execute(
                f"INSERT INTO {REAL.sql} VALUES ({of_column}, {quote_literal(value)})",
                doing="noting which rows stay real",
            )


def kept_real(session: Session) -> Mapping[ColumnName, frozenset[str]]:
    """What `keep_real` noted."""
    found: dict[ColumnName, set[str]] = {}
    for row in session.fetch(f"SELECT * FROM {REAL.sql}"):
        column = ColumnName(TableName(row["schema"], row["table"]), row["column"])
        found.setdefault(column, set()).add(row["value"])
    return {column: frozenset(values) for column, values in found.items()}


def empty(session: Session, name: TableName, leaves: Iterable[TableName]) -> None:
    """Give the table new, empty files. Leaf by leaf: a partition that is a foreign table is another server's."""
    listed = ", ".join(f"ONLY {leaf.sql}" for leaf in leaves)
    if listed:
        session.execute(f"TRUNCATE {listed}", doing=f"emptying {name}")


def forget_added(session: Session, leaves: Iterable[TableName]) -> None:
    """Remove the values that columns were added with: the catalog keeps them for rows older than the column, until the table
    is rewritten (TRUNCATE does not do). Outside a transaction, best while the table is empty."""
    for leaf in with_added(session, leaves):
        session.execute(
            f"VACUUM (FULL) {leaf.sql}", doing=f"forgetting what columns of {leaf} were added with"
        )


def with_added(session: Session, leaves: Iterable[TableName]) -> list[TableName]:
    """Those of the tables that have such values."""
    named = list(leaves)
    found = set(session.fetchval(_ADDED_SQL, [leaf.sql for leaf in named]))
    return [leaf for leaf in named if leaf.sql in found]


def read_plan_of(work: Work, name: TableName, aside: Mapping[TableName, TableName]) -> ReadPlan:
    """How the originals of a table are read; masks that follow a foreign key find originals at its end too."""
    decisions = work.policy.of(name)
    tables = {**work.catalog.tables}
    tables |= {there: dataclasses.replace(tables[original], name=there) for original, there in aside.items()}
    table = tables[name]
    keys = tuple(
        dataclasses.replace(key, referenced_table=aside.get(key.referenced_table, key.referenced_table))
        for key in table.foreign_keys
    )
    return read_plan(
        dataclasses.replace(work.catalog, tables=tables),
        dataclasses.replace(table, foreign_keys=keys),
        {c: d.mask for c, d in decisions.items() if d.mask is not None and not d.keeps},
        nulled=work.nulled.get(name, frozenset()),
        left_out={c for c, d in decisions.items() if d.rebuild_trigger},
    )


def require_same(name: TableName, expected: int, found: int) -> None:
    """Raise `DatabaseError` where rows were lost or won on the way."""
    if expected != found:
        raise DatabaseError(
            f"{found} rows of {name} were written, {expected} were set aside",
            why="the table is as it was before this step",
            hint="please report this",
        )
