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
    table = collector.finish()
    held = [tuple(pair) for pairs in table.parts() for pair in pairs.tolist()]
    assert held == sorted({p for part in parts for p in part})
    assert table.rows == len(held)
    collector.close()


@given(st.integers(0, 2**32), st.sampled_from([3, 700, 2**40]), st.sampled_from([200, 1000, 10**6]))
def test_every_pair_of_a_key_is_found_on_however_many_pages(seed, different, limit):
    random = np.random.default_rng(seed)
    keys, payloads = random.integers(0, different, 3000, dtype=np.uint64), np.arange(3000, dtype=np.uint64)
    collector = PairCollector(limit)
    for at in range(0, 3000, 250):
        collector.add(keys[at : at + 250], payloads[at : at + 250])
    table = collector.finish()
    wanted = np.concatenate((random.choice(keys, 40), random.integers(0, 2**64, 40, dtype=np.uint64)))
    found = {
        (int(at), int(payload))
        for places, some in table.find(wanted)
        for at, payload in zip(places, some, strict=True)
    }
    assert found == {(at, int(p)) for at, key in enumerate(wanted) for p in payloads[keys == key]}
    assert table.contains(wanted).tolist() == np.isin(wanted, keys).tolist()
    collector.close()
