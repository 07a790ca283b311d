"""Physical addresses in SQL and back: which table a row id belongs to, ctid literals, and COPY BINARY records of ctids.

Only integers ever appear in the text of our statements; a statement that fails lands in the source's log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from penstock.catalog.model import Catalog, TableName, quote_identifier
from penstock.devdb.closure.rowset import (
    OFFSET_BITS,
    RowIds,
    blocks_of,
    offsets_of,
    row_ids,
)
from penstock.errors import SourceRefused

_COPY_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER_BYTES = 19  # signature, flags, length of the extension
_BLOCK_BYTES = 1 << 20
_OFFSET_BITS = {8192: OFFSET_BITS, 16384: 10, 32768: 11}  # a page holds at most 291, 584 or 1,169 rows
_FIELD_OF_OID: list[tuple[str, str]] = [("oid_length", ">i4"), ("oid", ">u4")]
_FIELD_OF_CTID: list[tuple[str, str]] = [("ctid_length", ">i4"), ("block", ">u4"), ("offset", ">u2")]


class Source(Protocol):
    """What the closure needs of a session: one snapshot, settings pinned."""

    def fetch(self, sql: str, *args: Any, doing: str = ...) -> list[Any]: ...
    def fetchval(self, sql: str, *args: Any, doing: str = ...) -> Any: ...
    def execute(self, sql: str, *, doing: str = ...) -> str: ...
    def copy_out(self, query: str, *, binary: bool = ..., doing: str = ...) -> Iterator[bytes]: ...


class Addresses:
    """Logical tables, their storage leaves, and how to say both in SQL."""

    def __init__(self, catalog: Catalog, block_bytes: int = 8192) -> None:
        self.offset_bits = _OFFSET_BITS.get(block_bytes, OFFSET_BITS)
        self._catalog = catalog
        self._leaf_by_oid: dict[TableName, tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]] = {}

    def leaves(self, table: TableName) -> tuple[TableName, ...]:
        """The storage tables of a logical table; a row id's leaf number counts in here."""
        return self._catalog.leaves[table]

    def leaf_number(self, table: TableName, leaf: TableName) -> int:
        return self.leaves(table).index(leaf)

    def is_partitioned(self, table: TableName) -> bool:
        return self._catalog.tables[table].kind == "partitioned"

    def relation(self, table: TableName, leaf: TableName | None = None) -> str:
        """What to write after FROM: a single leaf, the partition root, or an ordinary table without its heirs."""
        if leaf is not None:
            return f"ONLY {leaf.sql}"
        return table.sql if self.is_partitioned(table) else f"ONLY {table.sql}"

    def selected(self, table: TableName, alias: str, leaf: TableName | None = None) -> str:
        """The select list that addresses a row: its ctid, before it the leaf's oid where there are several."""
        ctid = f"{alias}.ctid"
        return f"{alias}.tableoid, {ctid}" if leaf is None and self.is_partitioned(table) else ctid

    def record(self, *sides: tuple[TableName, TableName | None]) -> np.dtype[Any]:
        """The COPY BINARY record of the `selected` lists of the sides (table, leaf), one after the other."""
        fields: list[tuple[str, str]] = [("fields", ">i2")]
        for number, (table, leaf) in enumerate(sides):
            own = _FIELD_OF_CTID
            if leaf is None and self.is_partitioned(table):
                own = _FIELD_OF_OID + _FIELD_OF_CTID
            fields += [(f"{name}_{number}", form) for name, form in own]
        return np.dtype(fields)

    def ids(self, records: npt.NDArray[Any], number: int, table: TableName, leaf: TableName | None) -> RowIds:
        """The row ids of side `number` of the records."""
        leaves: npt.NDArray[np.int64] | int
        if leaf is not None:
            leaves = self.leaf_number(table, leaf)
        elif self.is_partitioned(table):
            leaves = self.leaf_numbers(table, records[f"oid_{number}"])
        else:
            leaves = 0
        return self.row_ids(table, leaves, records[f"block_{number}"], records[f"offset_{number}"])

    def row_ids(
        self,
        table: TableName,
        leaves: npt.NDArray[Any] | int,
        blocks: npt.NDArray[Any],
        offsets: npt.NDArray[Any],
    ) -> RowIds:
        """Row ids from parts. Raises SourceRefused for a storage whose pages hold more rows than PostgreSQL's own."""
        _require_own_storage(table, offsets, self.offset_bits)
        return row_ids(leaves, blocks, offsets)

    def leaf_numbers(self, table: TableName, oids: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The leaf number of each tableoid. Raises SourceRefused for a partition nobody can address."""
        oids = oids.astype(np.uint64)
        if table not in self._leaf_by_oid:
            known = np.array([self._catalog.tables[leaf].oid for leaf in self.leaves(table)], dtype=np.uint64)
            order = np.argsort(known)
            self._leaf_by_oid[table] = (known[order], order)
        known, order = self._leaf_by_oid[table]
        place = np.minimum(np.searchsorted(known, oids), max(len(known) - 1, 0))
        if len(known) == 0 or not bool(np.all(known[place] == oids)):
            raise SourceRefused(
                f"{table} has rows in a partition that was not there a moment ago, or that is a foreign table",
                hint="run the command again, or put the table in `skip`",
            )
        return order[place]


def _require_own_storage(table: TableName, offsets: npt.NDArray[Any], offset_bits: int) -> None:
    if len(offsets) and int(offsets.max()) >> offset_bits:
        raise SourceRefused(
            f"the rows of {table} have addresses unlike those of PostgreSQL's own storage",
            why="it uses another table access method",
            hint="put the table in `empty` or `skip`",
        )


def tid_array(ids: RowIds) -> str:
    """The rows' ctids as the literal of a tid[]; the leaf is left out."""
    pairs = zip(blocks_of(ids).tolist(), offsets_of(ids).tolist(), strict=True)
    return "'{" + ",".join(f'"({block},{offset})"' for block, offset in pairs) + "}'::tid[]"


def read_records(
    session: Source, query: str, record: np.dtype[Any], doing: str
) -> Iterator[npt.NDArray[Any]]:
    """The result of a query as arrays of COPY BINARY records, about a megabyte each.

    Every column must be of fixed size and never NULL, so that all records are equally long.
    """
    pending = bytearray()
    header_seen = False
    for block in session.copy_out(query, binary=True, doing=doing):
        pending += block
        if not header_seen:
            if len(pending) < _HEADER_BYTES:
                continue
            if not pending.startswith(_COPY_SIGNATURE):
                raise ValueError("not a COPY BINARY stream")
            del pending[: _HEADER_BYTES + int.from_bytes(pending[15:19], "big")]
            header_seen = True
        if len(pending) >= _BLOCK_BYTES:
            whole = len(pending) - len(pending) % record.itemsize
            yield np.frombuffer(bytes(pending[:whole]), dtype=record)
            del pending[:whole]
    trailer = b"\xff\xff"
    body = len(pending) - len(trailer)
    if body % record.itemsize or not pending.endswith(trailer):
        raise ValueError("a COPY BINARY stream ended in the middle of a record")
    if body:
        yield np.frombuffer(bytes(pending[:body]), dtype=record)


def read_ids(
    session: Source, addresses: Addresses, table: TableName, leaf: TableName | None, rest: str, doing: str
) -> Iterator[RowIds]:
    """Row ids of `SELECT … FROM table AS "its own name" <rest>`, in blocks, in the order the query gives."""
    alias = quote_identifier((leaf or table).table)
    query = f"SELECT {addresses.selected(table, alias, leaf)} FROM {addresses.relation(table, leaf)} AS {alias} {rest}"
    for records in read_records(session, query, addresses.record((table, leaf)), doing):
        yield addresses.ids(records, 0, table, leaf)


def read_leaf(session: Source, leaf: TableName, number: int, offset_bits: int) -> Iterator[RowIds]:
    """All row ids of one storage table, which is this leaf of its table: for who has no catalog."""
    record = np.dtype([("fields", ">i2"), *_FIELD_OF_CTID])
    doing = f"reading the addresses of {leaf}"
    for records in read_records(session, f"SELECT ctid FROM ONLY {leaf.sql}", record, doing):
        _require_own_storage(leaf, records["offset"], offset_bits)
        yield row_ids(number, records["block"], records["offset"])
