from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.proof.hashing import LONG, HashKey, keyed_hash, padded

KEY = HashKey(bytes(range(16)))

# Of the reference implementation (Aumasson, Bernstein): key 00…0f, message 00 01 … of that length.
REFERENCE = {0: 0x726FDB47DD0E0E31, 8: 0x93F5F5799A932462, 15: 0xA129CA6149BE45E5}


@pytest.mark.parametrize(("length", "expected"), REFERENCE.items())
def test_the_hash_is_siphash(length, expected):
    buffer = padded(bytes(range(64)))
    assert keyed_hash(KEY, buffer, np.array([0]), np.array([length])).tolist() == [expected]


@given(st.lists(st.binary(max_size=40) | st.binary(min_size=LONG - 1, max_size=LONG + 1), max_size=8))
def test_a_hash_depends_on_its_string_alone(strings):
    lengths = np.array([len(s) for s in strings], dtype=np.int64)
    ends = np.cumsum(lengths)
    together = keyed_hash(KEY, padded(b"".join(strings)), ends - lengths, lengths).tolist()
    alone = [keyed_hash(KEY, padded(s), np.array([0]), np.array([len(s)])).tolist()[0] for s in strings]
    assert together == alone
    assert len(set(together)) == len(set(strings))


def test_another_key_gives_other_hashes():
    buffer = padded(b"the same text")
    one, other = (keyed_hash(HashKey(), buffer, np.array([0]), np.array([13])) for _ in range(2))
    assert one.tolist() != other.tolist()


def test_the_key_does_not_show_and_does_not_travel():
    assert KEY.octets.hex() not in repr(KEY)
    assert "octets" not in repr(KEY)
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
