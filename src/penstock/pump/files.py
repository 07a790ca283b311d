"""Rows from a session into Parquet: COPY text, block by block, made typed and cut into files.

The reader fetches ahead while a block is converted; no Python object is made per value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock.engines.postgres.session import Session
from penstock.errors import StoreError
from penstock.lake.parquet import TableFiles
from penstock.lake.spelling import Spelling
from penstock.lake.values import typed
from penstock.pump import copytext

BLOCK_BYTES = 1 << 21

Written = Callable[[int, int], None]
"""Called with the rows and bytes written since the last call."""


def write_parquet(
    source: Session, query: str, columns: Sequence[tuple[str, Spelling]], files: TableFiles, told: Written
) -> None:
    """Write what `query` returns, whose columns are `columns`, in order, at least one."""
    for data in copytext.lines(source.copy_out(query), BLOCK_BYTES):
        block = copytext.parse(data, len(columns))
        arrays = [_column(block, place, name, kind) for place, (name, kind) in enumerate(columns)]
        files.add(pa.RecordBatch.from_arrays(arrays, schema=files.schema), _row_bytes(block))
        told(block.rows, len(data))
    if files.rows != source.rows_copied:
        raise StoreError(
            "rows were lost on the way to the files",
            why=f"the server sent {source.rows_copied}, {files.rows} were written",
            hint="please report this; nothing was published",
        )


def _column(block: copytext.Block, place: int, name: str, kind: Spelling) -> pa.Array:
    try:
        return typed(copytext.decode(block.field(place)), kind)
    except ValueError as error:  # ours, or a batch that would not fit: neither quotes a value
        raise StoreError(
            f"the column {name} cannot be written as {kind.arrow}",
            why=str(error),
            hint="please report this; --format sql writes every value",
        ) from None


def _row_bytes(block: copytext.Block) -> npt.NDArray[np.int64]:
    sizes: npt.NDArray[np.int64] = np.diff(block.ends[:, -1], prepend=-1)
    return sizes
