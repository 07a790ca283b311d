"""The rows of a storage table arrive elsewhere as they were, small, and are packed only when they are sent."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.packed import BLOCK_ROWS, Held
from penstock.devdb.closure.rowset import NO_ROWS, RowSet
from tests.devdb.closure.test_rowset import addresses, ids, to_disk, whole_table


def arrived(held):
    return pickle.loads(pickle.dumps(held))


def all_of(rows):
    return np.concatenate([NO_ROWS, *rows.blocks()]).tolist()


@pytest.mark.parametrize("on_disk", [False, True])
@given(rows=st.lists(addresses, max_size=60), leaf=st.integers(0, 3) | st.just(65535))
def test_what_arrives_is_what_was_sent(on_disk, rows, leaf):
    held = RowSet(MemoryBudget())
    held.add(ids(*rows))
    if on_disk:
        to_disk(held)
    sent = Held(held, leaf)
    came = arrived(sent)
    assert came.count == sent.count == held.leaf_counts.get(leaf, 0)
    assert all_of(came) == all_of(sent) == [i for i in held.to_array().tolist() if i >> 48 == leaf]
    elsewhere = came.as_set(MemoryBudget(0 if on_disk else 1 << 30))
    assert elsewhere.to_array().tolist() == all_of(sent)
    assert elsewhere.count == came.count
    asked = ids(*((leaf, *row[1:]) for row in rows))
    assert elsewhere.contains(asked).tolist() == sent.as_set(MemoryBudget()).contains(asked).tolist()
    assert arrived(Held(elsewhere, leaf)).chunks == came.chunks


@pytest.mark.parametrize(
    ("share", "bytes_per_row"), [(1.0, 0.05), (0.5, 0.5), (0.02, 3)], ids=["all", "half", "few"]
)
def test_a_row_takes_few_bytes_however_they_lie(share, bytes_per_row):
    chance = np.random.default_rng(1)
    rows = RowSet(MemoryBudget())
    for block in whole_table(20_000, offsets=60):
        rows.add(block[chance.random(len(block)) < share])
    sent = pickle.dumps(Held(rows, 0))
    assert len(sent) < rows.count * bytes_per_row
    came = pickle.loads(sent)
    assert all(len(block) <= BLOCK_ROWS for block in came.blocks())
    assert all_of(came) == rows.to_array().tolist()


def test_nothing_is_packed_before_it_is_sent():
    rows = RowSet(MemoryBudget())
    rows.add(ids((0, 1, 1)))
    held = Held(rows, 0)
    rows.add(ids((0, 7, 2)))  # still seen
    assert arrived(held).count == 2
