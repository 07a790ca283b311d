from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penstock.proof.spill import PairCollector

words = st.integers(0, 2**64 - 1)
pairs = st.tuples(words, words) | st.tuples(st.integers(0, 3), st.integers(0, 3))


@given(st.lists(st.lists(pairs, max_size=30), max_size=10), st.integers(1, 40))
def test_what_comes_out_is_sorted_distinct_and_complete_whether_it_spilled_or_not(parts, limit):
    collector = PairCollector(limit)
    for part in parts:
        array = np.array(part, dtype=np.uint64).reshape(-1, 2)
        collector.add(array[:, 0], array[:, 1])
    keys, payloads = collector.finish()
    assert list(zip(keys.tolist(), payloads.tolist(), strict=True)) == sorted(
        {p for part in parts for p in part}
    )
    del keys, payloads
    collector.close()
