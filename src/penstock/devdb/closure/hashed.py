"""Rows with a keyed hash of their key: what a reproducible percentage goes by, and how a row is named without telling it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from penstock.catalog.model import TableName, quote_identifier
from penstock.devdb.closure.addresses import Addresses, Source
from penstock.devdb.closure.rowset import RowIds
from penstock.masks.keys import Prf

U64 = npt.NDArray[np.uint64]


def hashed_rows(
    session: Source,
    addresses: Addresses,
    root: TableName,
    leaf: TableName | None,
    key: Sequence[str],
    rest: str,
    prf: Prf,
    doing: str,
) -> Iterator[tuple[RowIds, U64]]:
    """Row ids and 64-bit hashes of the rows of `root` (or one leaf of it) that `rest` (WHERE …, LIMIT …) leaves.

    A table without any key is hashed by its whole rows, so duplicates share their hash.
    """
    alias = quote_identifier((leaf or root).table)
    text = (
        f"ROW({', '.join(f'{alias}.{quote_identifier(c)}' for c in key)})::text" if key else f"{alias}::text"
    )
    point = f"({alias}.ctid::text::pg_catalog.point)"
    query = (
        f"SELECT {alias}.tableoid, ({point}[0])::bigint, ({point}[1])::int, {text} "
        f"FROM {addresses.relation(root, leaf)} AS {alias} {rest}"
    )
    for batch in _text_rows(session, query, doing):
        oids, blocks, offsets = (batch.column(i).to_numpy() for i in range(3))
        leaves = addresses.leaf_numbers(root, oids)
        yield addresses.row_ids(root, leaves, blocks, offsets), prf.digest(batch.column(3))[:, 0]


def _text_rows(session: Source, query: str, doing: str) -> Iterator[pa.RecordBatch]:
    """COPY text rows of (oid, block, offset, key text) as Arrow batches. The key text stays in COPY's escaping."""
    options = {
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
                yield from _parsed(bytes(pending[:end]), options)
                del pending[:end]
    if pending:
        yield from _parsed(bytes(pending), options)


def _parsed(lines: bytes, options: dict[str, Any]) -> list[pa.RecordBatch]:
    """Whole lines at once: by default Arrow refuses one of more than a megabyte."""
    reading = pacsv.ReadOptions(column_names=["oid", "block", "offset", "key"], block_size=len(lines) + 1)
    batches: list[pa.RecordBatch] = pacsv.read_csv(io.BytesIO(lines), reading, **options).to_batches()
    return batches
