"""The Parquet files of one table: part after part, row group after row group, cut by bytes.

Where a row group or a part ends depends on the rows alone, never on how they happened to arrive: the same rows in the
same order make the same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

GROUP_BYTES = 32 << 20  # of PostgreSQL's text, after which a row group ends
GROUPS_PER_PART = 16


class TableFiles:
    """Writes `folder/part-00000.parquet` and so on. A table without rows has one file, which holds its columns."""

    def __init__(
        self,
        folder: Path,
        schema: pa.Schema,
        *,
        group_bytes: int = GROUP_BYTES,
        groups_per_part: int = GROUPS_PER_PART,
    ) -> None:
        self._folder = folder
        self.schema = schema
        self._group_bytes = group_bytes
        self._groups_per_part = groups_per_part
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._groups = 0
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0
        self.paths: list[Path] = []
        folder.mkdir(parents=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._end_group()
            if not self.paths:
                self._open()
        self._close()

    def add(self, batch: pa.RecordBatch, sizes: npt.NDArray[np.int64]) -> None:
        """Rows, and how many bytes of text each was."""
        self.rows += batch.num_rows
        reached = np.cumsum(sizes)
        start, before = 0, 0
        while start < batch.num_rows:
            left = self._group_bytes - self._waiting_bytes
            stop = int(np.searchsorted(reached, before + left, side="left")) + 1
            if stop > batch.num_rows:
                self._waiting.append(batch.slice(start))
                self._waiting_bytes += int(reached[-1]) - before
                return
            self._waiting.append(batch.slice(start, stop - start))
            start, before = stop, int(reached[stop - 1])
            self._end_group()

    def _end_group(self) -> None:
        if not self._waiting:
            return
        # One chunk: how pages are cut within a row group depends on where its chunks end.
        table = pa.Table.from_batches(self._waiting, self.schema).combine_chunks()
        self._waiting, self._waiting_bytes = [], 0
        if self._writer is None:
            self._open()
        if self._writer is not None:
            self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self._groups += 1
        if self._groups == self._groups_per_part:
            self._close()

    def _open(self) -> None:
        path = self._folder / f"part-{len(self.paths):05}.parquet"
        self._writer = pq.ParquetWriter(path, self.schema, compression="zstd", version="2.6")
        self.paths.append(path)
        self._groups = 0

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def read_back(paths: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """The row groups of a table's files, in order. Raises ValueError for a file with other columns."""
    for path in paths:
        with pq.ParquetFile(path, memory_map=True) as file:
            if not file.schema_arrow.equals(schema, check_metadata=False):
                raise ValueError("the file has other columns than were written")
            for group in range(file.num_row_groups):
                yield file.read_row_group(group)
