"""Sets of row addresses behave like sets, whatever the rows and however they arrive."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.rowset import RowSet, blocks_of, leaves_of, offsets_of, row_ids
from penstock.devdb.closure.segments import SegmentFile
from penstock.errors import NoSpace

BUDGETS = {"in memory": 1 << 30, "from memory to disk": 8_000, "on disk": 0}


def ids(*parts):
    leaf, block, offset = np.array(parts, dtype=np.int64).reshape(-1, 3).T
    return row_ids(leaf, block, offset)


def to_disk(rows):
    return rows.to_disk(SegmentFile())


addresses = st.tuples(
    st.integers(0, 3) | st.just(65535),
    st.integers(0, 6000) | st.just(2**32 - 2),
    st.integers(1, 291),
)


def whole_table(pages, offsets=16, leaf=0):
    """Every row of a table, a block of ids at a time."""
    for at in range(0, pages, 4096):
        blocks = np.arange(at, min(at + 4096, pages))
        yield row_ids(leaf, np.repeat(blocks, offsets), np.tile(np.arange(1, offsets + 1), len(blocks)))


@pytest.mark.parametrize("after", [None, 3, 0], ids=BUDGETS)
@given(batches=st.lists(st.lists(addresses, max_size=40), max_size=6), asked=st.lists(addresses, max_size=40))
def test_it_holds_what_was_added_and_nothing_else(after, batches, asked):
    rows, model = RowSet(MemoryBudget()), set()
    for number, batch in enumerate(batches):
        if number == after:
            to_disk(rows)
        new = rows.add(ids(*batch))
        assert new.tolist() == sorted({int(i) for i in ids(*batch)} - model)
        model |= set(new.tolist())
    assert rows.count == len(rows) == len(model)
    assert rows.to_array().tolist() == sorted(model)
    leaves = [i >> 48 for i in model]
    assert rows.leaf_counts == {leaf: leaves.count(leaf) for leaf in leaves}
    questions = ids(*asked, *[a for batch in batches for a in batch])
    assert rows.contains(questions).tolist() == [int(i) in model for i in questions]
    for leaf in (0, 3, 4, 65535):
        assert np.concatenate([ids(), *rows.blocks(7, leaf)]).tolist() == sorted(
            i for i in model if i >> 48 == leaf
        )


@pytest.mark.parametrize("most_bytes", [1 << 30, 20_000, 0], ids=BUDGETS)
@pytest.mark.parametrize(("offset_bits", "offsets"), [(9, 291), (10, 584), (11, 1169)])
def test_crowded_pages_become_bits_and_lose_nothing(offset_bits, offsets, most_bytes):
    everything = row_ids(2, np.repeat(np.arange(300), offsets), np.tile(np.arange(1, offsets + 1), 300))
    shuffled = np.random.default_rng(3).permutation(everything)
    rows = RowSet(MemoryBudget(most_bytes), offset_bits)
    for part in np.array_split(shuffled, 7):
        assert len(rows.add(part)) == len(part)
    assert len(rows.add(shuffled)) == 0
    assert np.array_equal(rows.to_array(), everything)
    assert rows.contains(shuffled).all()
    assert not rows.contains(everything + np.uint64(300 << 16)).any()
    assert rows.nbytes <= 300 * (1 << offset_bits) // 8 + (1 << 17)


def test_few_rows_of_a_huge_table_cost_four_bytes_each_and_what_their_chunks_cost_python():
    rows = RowSet(MemoryBudget())
    tracemalloc.start()
    rows.add(row_ids(0, np.arange(0, 100_000_000, 10_000), np.full(10_000, 7)))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1.1 * rows.nbytes
    assert rows.nbytes < 10_000 * (4 + 300)


@pytest.mark.parametrize("after", [None, 1, 0], ids=BUDGETS)
def test_blocks_have_the_size_asked_for_and_can_be_had_leaf_by_leaf(after):
    rows = RowSet(MemoryBudget())
    for number in range(2):
        if number == after:
            to_disk(rows)
        rows.add(ids(*[(leaf, block * 5000, 1) for leaf in (0, 1, 5) for block in range(number, 100, 2)]))
    assert [len(b) for b in rows.blocks(128)] == [128, 128, 44]
    assert [len(b) for b in rows.blocks(64, leaf=5)] == [64, 36]
    assert all((leaves_of(b) == 5).all() for b in rows.blocks(64, leaf=5))
    assert list(rows.blocks(64, leaf=2)) == []
    assert rows.leaf_counts == {0: 100, 1: 100, 5: 100}


class OneByOne(dict):
    """A dictionary that answers for some keys only, and does not list them."""

    def __init__(self, content, allowed):
        super().__init__(content)
        self.allowed = allowed
        self.asked = 0

    def _no(self, *_):
        raise AssertionError("everything is gone through")

    __iter__ = items = keys = values = _no

    def __getitem__(self, key):
        assert self.allowed(key)
        self.asked += 1
        return super().__getitem__(key)

    def get(self, key, default=None):
        assert self.allowed(key)
        self.asked += 1
        return super().get(key, default)


@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize(
    ("on_disk", "parts", "bits"), [(False, ("_sparse", "_dense"), 21), (True, ("_groups",), 16)]
)
def test_the_rows_of_one_partition_cost_nothing_for_the_others(on_disk, parts, bits, crowded):
    rows = RowSet(MemoryBudget())
    for leaf in range(40):
        rows.add(np.concatenate([*whole_table(2500 if crowded else 30, leaf=leaf)]))
    if on_disk:
        to_disk(rows)
    for part in parts:
        content = getattr(rows._bitmap, part)
        setattr(rows._bitmap, part, OneByOne(content, lambda key: key >> bits == 7))
    assert sum(map(len, rows.blocks(leaf=7))) == rows.leaf_counts[7]
    assert sum(getattr(rows._bitmap, part).asked for part in parts) < 10
    with pytest.raises(AssertionError, match="gone through"):
        list(rows.blocks())


def test_many_small_partitions_take_less_memory_on_disk_and_what_they_are_said_to():
    rows = RowSet(MemoryBudget())
    for leaf in range(1000):
        rows.add(np.concatenate([*whole_table(100, leaf=leaf)]))
    in_memory, on_disk = rows.nbytes, rows.nbytes_on_disk
    assert in_memory > 1000 * 1600 * 4
    tracemalloc.start()
    to_disk(rows)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert rows.nbytes == on_disk == rows.nbytes_on_disk
    assert on_disk < 1000 * 700
    assert held < 1.1 * on_disk
    assert sum(map(len, rows.blocks())) == 1_600_000


@given(parts=st.lists(addresses, min_size=1, max_size=60))
def test_what_a_set_would_hold_on_disk_is_known_before(parts):
    rows = RowSet(MemoryBudget())
    rows.add(ids(*parts))
    before, expected = rows.nbytes, rows.nbytes_on_disk
    assert to_disk(rows) == expected - before
    assert rows.nbytes == expected


@pytest.mark.parametrize(
    "few", [[(leaf, 0, 1) for leaf in range(3000)], [(0, block << 16, 1) for block in range(3000)]]
)
def test_a_set_that_would_not_shrink_stays_in_memory_and_another_goes(few, scratch_files):
    rows = RowSet(MemoryBudget(200_000))
    rows.add(ids(*few))
    before = rows.nbytes
    assert 200_000 < before < rows.nbytes_on_disk
    assert scratch_files == []
    other = rows.empty()
    for block in whole_table(20_000):
        other.add(block)
    assert other.nbytes < 10_000
    assert rows.nbytes == before
    assert rows.to_array().tolist() == ids(*few).tolist()


def test_an_id_gives_back_its_parts():
    (leaf, block, offset) = (65535, 2**32 - 2, 2047)
    one = ids((leaf, block, offset))
    assert (leaves_of(one)[0], blocks_of(one)[0], offsets_of(one)[0]) == (leaf, block, offset)


def test_an_empty_copy_takes_rows_of_pages_of_the_same_size():
    rows = RowSet(MemoryBudget(), 11).empty()
    rows.add(ids((0, 1, 1169), (0, 2, 1)))
    assert rows.to_array().tolist() == ids((0, 1, 1169), (0, 2, 1)).tolist()


def test_all_sets_of_a_budget_together_hold_no_more_than_it_has():
    """Each of the three would take 10 MB. With them in memory the peak is 45 MB."""
    first = RowSet(MemoryBudget(2 << 20))
    sets = [first, first.empty(), first.empty()]
    tracemalloc.start()
    for ids in whole_table(160_000):
        for rows in sets:
            assert len(rows.add(ids)) == len(ids)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 4 << 20
    assert peak < 20 << 20
    assert sum(rows.nbytes for rows in sets) < 2 << 20
    assert all(sum(map(len, rows.blocks())) == 160_000 * 16 for rows in sets)


def test_the_largest_set_leaves_memory_first(scratch_files):
    small = RowSet(MemoryBudget(1 << 20))
    small.add(ids((0, 1, 1)))
    large = small.empty()
    for block in whole_table(40_000):
        large.add(block)
    assert large.nbytes < 10_000
    assert 0 < small.nbytes < 1000, "it is in memory still"
    (file,) = scratch_files
    assert Path(f"/proc/self/fd/{file.fileno()}").stat().st_size == 40_000 * 64


def test_a_set_that_goes_to_disk_while_it_is_read_is_read_to_the_end():
    rows = RowSet(MemoryBudget(1 << 20))
    expected = np.concatenate([*whole_table(10_000)])
    rows.add(expected)
    reading = rows.blocks(1000)
    read = [next(reading)]
    assert rows.nbytes > 500_000
    smaller = rows.empty()
    for block in whole_table(8_000):
        smaller.add(block)
    assert rows.nbytes < 10_000, "it is on disk"
    assert smaller.nbytes > 400_000
    assert np.array_equal(np.concatenate([*read, *reading]), expected)


def test_segments_of_sets_that_are_gone_are_used_again_and_their_rows_are_gone(scratch_files):
    keeper = RowSet(MemoryBudget(0))
    keeper.add(ids((3, 5, 7)))
    for _ in range(5):
        rows = keeper.empty()
        for block in whole_table(20_000, offsets=3):
            rows.add(block)
        assert rows.count == 60_000
        assert sum(map(len, rows.blocks())) == 60_000
    assert keeper.to_array().tolist() == ids((3, 5, 7)).tolist()
    (file,) = scratch_files
    assert Path(f"/proc/self/fd/{file.fileno()}").stat().st_size < 21_000 * 64 + 4096 * 2


def test_the_file_is_closed_with_the_last_set(scratch_files):
    rows = RowSet(MemoryBudget(0))
    rows.add(ids((0, 1, 1)))
    other = rows.empty()
    del rows
    gc.collect()
    other.add(ids((0, 1, 1)))
    assert not scratch_files[0].closed
    del other
    gc.collect()
    assert scratch_files[0].closed
    assert len(scratch_files) == 1


def test_a_full_disk_ends_the_run_and_says_what_takes_so_much(full_disk):
    with pytest.raises(NoSpace) as caught:
        RowSet(MemoryBudget(0)).add(ids((0, 1, 1)))
    assert caught.value.what == "this machine's disk is too full for choosing the rows of the subset"
    assert caught.value.why.startswith(
        "row addresses take up to 0.8 % of the tables' size, several times over, in "
    )
