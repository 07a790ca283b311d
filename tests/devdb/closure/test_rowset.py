"""Sets of row addresses behave like sets, whatever the rows and however they arrive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.devdb.closure.rowset import RowSet, blocks_of, leaves_of, offsets_of, row_ids


def ids(*parts):
    leaf, block, offset = np.array(parts, dtype=np.int64).reshape(-1, 3).T
    return row_ids(leaf, block, offset)


addresses = st.tuples(
    st.integers(0, 3) | st.just(65535),
    st.integers(0, 6000) | st.just(2**32 - 2),
    st.integers(1, 291),
)


@given(batches=st.lists(st.lists(addresses, max_size=40), max_size=6), asked=st.lists(addresses, max_size=40))
def test_it_holds_what_was_added_and_nothing_else(batches, asked):
    rows, model = RowSet(), set()
    for batch in batches:
        new = rows.add(ids(*batch))
        assert new.tolist() == sorted({int(i) for i in ids(*batch)} - model)
        model |= set(new.tolist())
    assert rows.count == len(rows) == len(model)
    assert rows.to_array().tolist() == sorted(model)
    questions = ids(*asked, *[a for batch in batches for a in batch])
    assert rows.contains(questions).tolist() == [int(i) in model for i in questions]


@pytest.mark.parametrize(("offset_bits", "offsets"), [(9, 291), (10, 584), (11, 1169)])
def test_crowded_pages_become_bits_and_lose_nothing(offset_bits, offsets):
    everything = row_ids(2, np.repeat(np.arange(300), offsets), np.tile(np.arange(1, offsets + 1), 300))
    shuffled = np.random.default_rng(3).permutation(everything)
    rows = RowSet(offset_bits)
    for part in np.array_split(shuffled, 7):
        assert len(rows.add(part)) == len(part)
    assert len(rows.add(shuffled)) == 0
    assert np.array_equal(rows.to_array(), everything)
    assert rows.contains(shuffled).all()
    assert not rows.contains(everything + np.uint64(300 << 16)).any()
    assert rows.nbytes <= 300 * (1 << offset_bits) // 8 + (1 << 17)


def test_few_rows_of_a_huge_table_cost_four_bytes_each():
    rows = RowSet()
    rows.add(row_ids(0, np.arange(0, 100_000_000, 10_000), np.full(10_000, 7)))
    assert rows.nbytes == 40_000


def test_blocks_have_the_size_asked_for_and_can_be_had_leaf_by_leaf():
    rows = RowSet()
    rows.add(ids(*[(leaf, block * 5000, 1) for leaf in (0, 1, 5) for block in range(100)]))
    assert [len(b) for b in rows.blocks(128)] == [128, 128, 44]
    assert [len(b) for b in rows.blocks(64, leaf=5)] == [64, 36]
    assert all((leaves_of(b) == 5).all() for b in rows.blocks(64, leaf=5))
    assert list(rows.blocks(64, leaf=2)) == []
    assert rows.leaf_counts == {0: 100, 1: 100, 5: 100}


def test_an_id_gives_back_its_parts():
    (leaf, block, offset) = (65535, 2**32 - 2, 2047)
    one = ids((leaf, block, offset))
    assert (leaves_of(one)[0], blocks_of(one)[0], offsets_of(one)[0]) == (leaf, block, offset)


def test_an_empty_copy_takes_rows_of_pages_of_the_same_size():
    rows = RowSet(11).empty()
    rows.add(ids((0, 1, 1169), (0, 2, 1)))
    assert rows.to_array().tolist() == ids((0, 1, 1169), (0, 2, 1)).tolist()
