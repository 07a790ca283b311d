"""Where files and row groups end depends on the rows alone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from penstock.lake.parquet import TableFiles, read_back
from tests.servers import temporary_folder

SCHEMA = pa.schema([pa.field("n", pa.int64()), pa.field("s", pa.string())])


def write(folder: Path, sizes: list[int], cuts: list[int]) -> list[bytes]:
    """The files of rows of these sizes that arrive in pieces that end at `cuts`."""
    edges = [0, *sorted({cut for cut in cuts if cut < len(sizes)}), len(sizes)]
    with TableFiles(folder, SCHEMA, group_bytes=100, groups_per_part=3) as files:
        for start, stop in pairwise(edges):
            part = sizes[start:stop]
            batch = pa.record_batch(
                [pa.array(range(start, stop), pa.int64()), pa.array(["x" * n for n in part], pa.string())],
                schema=SCHEMA,
            )
            files.add(batch, np.array(part, dtype=np.int64))
    read = [n for table in read_back(files.paths, SCHEMA) for n in table["n"].to_pylist()]
    assert read == list(range(len(sizes)))
    assert files.rows == len(sizes)
    return [path.read_bytes() for path in files.paths]


@given(
    st.lists(st.integers(1, 300), max_size=40),
    st.lists(st.integers(0, 40), max_size=6),
    st.lists(st.integers(0, 40), max_size=6),
)
def test_how_rows_arrive_does_not_change_a_byte(sizes: list[int], one: list[int], other: list[int]) -> None:
    with temporary_folder() as place:
        assert write(place / "one", sizes, one) == write(place / "other", sizes, other)


def test_row_groups_end_by_bytes_and_parts_by_row_groups(tmp_path: Path) -> None:
    write(tmp_path / "t", [60, 60, 99, 1, 250, 5, 100], [3])
    found = [pq.ParquetFile(path) for path in sorted((tmp_path / "t").iterdir())]
    groups = [[file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] for file in found]
    assert groups == [[2, 2, 1], [2]]
    assert [path.name for path in sorted((tmp_path / "t").iterdir())] == [
        "part-00000.parquet",
        "part-00001.parquet",
    ]


def test_a_table_without_rows_has_one_file_with_its_columns(tmp_path: Path) -> None:
    write(tmp_path / "t", [], [])
    assert pq.read_table(tmp_path / "t").schema.names == ["n", "s"]
