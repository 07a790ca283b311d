"""Where a closure starts: rows chosen by a condition, a number, or a reproducible percentage of a table."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from penstock.catalog.model import Catalog, Table, TableName, quote_identifier
from penstock.devdb.closure.addresses import Addresses, Source, read_ids
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
        if rule.percent is not None:
            rest = f"{condition} {order}"
            yield from _sampled(session, catalog, addresses, rule, rule.percent, rest, keys, doing)
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


def _sampled(
    session: Source,
    catalog: Catalog,
    addresses: Addresses,
    rule: RootRule,
    percent: float,
    rest: str,
    keys: Keyring | None,
    doing: str,
) -> Iterator[RowIds]:
    """The rows whose keyed hash falls into the lowest `percent`: the same rows again as long as key and rows stay.

    A table without any key is hashed by its whole rows, so duplicates share their fate.
    """
    if keys is None:
        raise ConfigError(
            f"the root {rule.table} asks for a percentage, which needs the project key", hint="penstock init"
        )
    table, root = catalog.tables[rule.table], catalog.root_of(rule.table)
    leaf = rule.table if rule.table != root else None
    alias = quote_identifier(rule.table.table)
    columns = identifying_columns(table)
    text = (
        f"ROW({', '.join(f'{alias}.{quote_identifier(c)}' for c in columns)})::text"
        if columns
        else f"{alias}::text"
    )
    point = f"({alias}.ctid::text::pg_catalog.point)"
    query = (
        f"SELECT {alias}.tableoid, ({point}[0])::bigint, ({point}[1])::int, {text} "
        f"FROM {addresses.relation(root, leaf)} AS {alias} {rest}"
    )
    prf = keys.prf(str(root), "sample")
    bound = np.uint64(min(int(percent / 100 * 2**64), 2**64 - 1))
    wanted = rule.limit
    with sql_of(f"`where` of the root {rule.table}"):
        for batch in _text_rows(session, query, doing):
            oids, blocks, offsets = (batch.column(i).to_numpy() for i in range(3))
            leaves = addresses.leaf_numbers(root, oids)
            keep = prf.digest(batch.column(3))[:, 0] < bound
            ids = addresses.row_ids(root, leaves, blocks, offsets)[keep | np.bool_(percent >= 100)][:wanted]
            wanted = None if wanted is None else wanted - len(ids)
            yield ids


def _text_rows(session: Source, query: str, doing: str) -> Iterator[pa.RecordBatch]:
    """COPY text rows of (oid, block, offset, key text) as Arrow batches. The key text stays in COPY's escaping."""
    options = {
        "read_options": pacsv.ReadOptions(column_names=["oid", "block", "offset", "key"]),
        "parse_options": pacsv.ParseOptions(delimiter="\t", quote_char=False, escape_char=False),
        "convert_options": pacsv.ConvertOptions(
            column_types={
                "oid": pa.int64(),
                "block": pa.int64(),
                "offset": pa.int64(),
                "key": pa.large_string(),
            },
            strings_can_be_null=False,
        ),
    }
    pending = bytearray()
    for block in session.copy_out(query, doing=doing):
        pending += block
        if len(pending) > 1 << 20:
            end = pending.rfind(b"\n") + 1
            if end:
                yield from pacsv.read_csv(io.BytesIO(bytes(pending[:end])), **options).to_batches()
                del pending[:end]
    if pending:
        yield from pacsv.read_csv(io.BytesIO(bytes(pending)), **options).to_batches()
