"""Where a closure starts: rows chosen by a condition, a number, or a reproducible percentage of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from penstock.catalog.model import Catalog, Table, TableName, quote_identifier
from penstock.devdb.closure.addresses import Addresses, Source, read_ids
from penstock.devdb.closure.hashed import U64, hashed_rows
from penstock.devdb.closure.rowset import RowIds
from penstock.devdb.closure.written import check_condition, check_sql, sql_of, user_search_path
from penstock.errors import ConfigError
from penstock.masks.keys import Keyring


@dataclass(frozen=True, slots=True)
class RootRule:
    """Rows a subset starts from. All parts given must hold: first `where`, then `percent`, then `limit`."""

    table: TableName  # a logical table, or one partition
    where: str | None = None  # SQL over the table's columns
    limit: int | None = None
    percent: float | None = None  # 0 to 100
    order_by: str | None = None  # SQL; default: the primary key. Ties are broken by the primary key.
    hashes: tuple[int, ...] | None = None  # alone: the rows `root_hashes` gave these names
    reason: str = "root"  # what `Origin.reason` says of its rows


def select_roots(
    session: Source, catalog: Catalog, addresses: Addresses, rule: RootRule, keys: Keyring | None = None
) -> Iterator[RowIds]:
    """The row ids of the root's rows, numbered in its logical table, in blocks. To be read to the end.

    Raises QueryError where the condition is no SQL the server accepts, ConfigError where it is more than a condition,
    and for impossible numbers.
    """
    table = catalog.tables[rule.table]
    root = catalog.root_of(rule.table)
    leaf = rule.table if rule.table != root else None
    if leaf is not None and not table.holds_rows:
        raise ConfigError(
            f"the root {rule.table} is a partition that has partitions itself",
            hint=f"use {root} with `where`, or one of its leaf partitions",
        )
    _check_numbers(rule)
    doing = f"choosing the root rows of {rule.table}"
    condition = f"WHERE ({rule.where}\n)" if rule.where is not None else ""
    order = _order(table, rule) if rule.limit is not None else ""
    with user_search_path(session, catalog, table.name.schema):
        probe = f"SELECT 1 FROM {addresses.relation(root, leaf)} AS {quote_identifier(rule.table.table)}"
        if rule.where is not None:
            check_condition(session, probe, rule.where, f"`where` of the root {rule.table}", doing)
        if rule.order_by is not None:
            check_sql(session, f"{probe} {order}\nLIMIT 0", f"`order_by` of the root {rule.table}", doing)
        if rule.percent is not None or rule.hashes is not None:
            rest = f"{condition} {order}"
            if rule.hashes is not None:
                wanted = np.array(rule.hashes, dtype=np.uint64)
                hashed = _hashed(session, catalog, addresses, rule, rest, keys, "name", doing)
                yield from (ids[np.isin(hashes, wanted)] for ids, hashes in hashed)
            else:
                hashed = _hashed(session, catalog, addresses, rule, rest, keys, "sample", doing)
                yield from _sampled(hashed, rule, rule.percent or 0.0)
            return
        limit = f" LIMIT {int(rule.limit)}" if rule.limit is not None else ""
        with sql_of(f"`where` of the root {rule.table}"):
            yield from read_ids(session, addresses, root, leaf, f"{condition} {order}{limit}", doing)


def _check_numbers(rule: RootRule) -> None:
    if rule.limit is not None and rule.limit < 0:
        raise ConfigError(f"the root {rule.table} has a negative limit", hint="limit = 100")
    if rule.percent is not None and not 0 <= rule.percent <= 100:
        raise ConfigError(f"the root {rule.table} asks for a percentage outside 0 to 100", hint="percent = 5")


def identifying_columns(table: Table) -> tuple[str, ...]:
    """The primary key, else a unique key without NULLs, else nothing."""
    nullable = {c.name for c in table.columns if c.nullable}
    for key in table.all_keys:
        if key.is_plain and key.columns and not nullable.intersection(key.columns):
            return key.columns
    return ()


def key_order(table: Table, alias: str) -> str:
    """What orders a table's rows the same way every time: its key; physical order only where there is none."""
    columns = identifying_columns(table)
    if columns:
        return ", ".join(f"{alias}.{quote_identifier(column)}" for column in columns)
    return f"{alias}.tableoid, {alias}.ctid"


def _order(table: Table, rule: RootRule) -> str:
    by_key = key_order(table, quote_identifier(rule.table.table))
    return f"ORDER BY {rule.order_by}\n, {by_key}" if rule.order_by is not None else f"ORDER BY {by_key}"


def _hashed(
    session: Source,
    catalog: Catalog,
    addresses: Addresses,
    rule: RootRule,
    rest: str,
    keys: Keyring | None,
    purpose: str,
    doing: str,
) -> Iterator[tuple[RowIds, U64]]:
    """Row ids and keyed hashes of the rows that `rest` leaves."""
    if keys is None:
        raise ConfigError(
            f"the root {rule.table} asks for a percentage, which needs the project key", hint="penstock init"
        )
    root = catalog.root_of(rule.table)
    columns = identifying_columns(catalog.tables[rule.table])
    leaf = rule.table if rule.table != root else None
    with sql_of(f"`where` of the root {rule.table}"):
        yield from hashed_rows(
            session, addresses, root, leaf, columns, rest, keys.prf(str(root), purpose), doing
        )


def _sampled(hashed: Iterator[tuple[RowIds, U64]], rule: RootRule, percent: float) -> Iterator[RowIds]:
    """The rows whose keyed hash falls into the lowest `percent`: the same rows again as long as key and rows stay."""
    bound = np.uint64(min(int(percent / 100 * 2**64), 2**64 - 1))
    wanted = rule.limit
    for ids, hashes in hashed:
        chosen = ids[(hashes < bound) | np.bool_(percent >= 100)][:wanted]
        wanted = None if wanted is None else wanted - len(chosen)
        yield chosen


def root_hashes(
    session: Source, catalog: Catalog, addresses: Addresses, rule: RootRule, keys: Keyring, most: int
) -> tuple[int, ...]:
    """The keyed hashes of the rows a rule with nothing but `where` chooses, at most so many: names for rows that say
    nothing about them, by which a rule with `hashes` finds them again. To be asked after `select_roots` has checked it.
    """
    rest = f"WHERE ({rule.where}\n) LIMIT {most}" if rule.where is not None else f"LIMIT {most}"
    with user_search_path(session, catalog, rule.table.schema):
        doing = f"naming the root rows of {rule.table}"
        hashed = _hashed(session, catalog, addresses, rule, rest, keys, "name", doing)
        return tuple(int(name) for _, names in hashed for name in names)
