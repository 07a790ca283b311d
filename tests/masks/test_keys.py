"""The project key, its sub-keys, and the keyed function."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from penstock.masks.keys import Keyring, Prf
from tests.masks.standing import KEY, OTHER_KEY

# A value of more than 512 bytes is replaced by its SHA-256 first; up to there the function is AES-CMAC to the letter.
short = st.binary(max_size=512)


@given(st.lists(short, max_size=20), st.binary(min_size=64, max_size=64))
def test_the_keyed_function_is_aes_cmac(values, key):
    digests = Prf(key).digest(pa.array(values, pa.large_binary()))
    for value, digest in zip(values, digests, strict=True):
        reference = CMAC(algorithms.AES(key[:32]))
        reference.update(value)
        assert digest.tobytes() == reference.finalize()


@given(st.lists(st.binary(max_size=2000), unique=True, max_size=12))
def test_values_of_any_length_have_their_own_digests(values):
    digests = KEY.prf("d", "p").digest(pa.array(values, pa.large_binary()))
    assert len({digest.tobytes() for digest in digests}) == len(values)


def test_a_long_value_never_meets_the_value_that_is_its_own_hash():
    import hashlib

    long = b"x" * 1000
    one, other = KEY.prf("d", "p").digest(pa.array([long, hashlib.sha256(long).digest()], pa.large_binary()))
    assert one.tobytes() != other.tobytes()


def test_domain_and_purpose_cannot_run_into_each_other():
    assert KEY.subkey("ab", "c") != KEY.subkey("a", "bc")
    assert KEY.subkey("", "abc") != KEY.subkey("abc", "")


def test_a_digest_expands_to_independent_blocks():
    prf = KEY.prf("d", "p")
    digest = prf.digest(pa.array(["Ana", "Bo"]))
    blocks = [digest, *prf.expand(digest, 3)]
    assert len({block.tobytes() for block in blocks}) == 4
    assert not np.array_equal(blocks[1][0], blocks[1][1])


def test_the_key_is_never_shown_nor_pickled():
    assert bytes(range(32)).hex() not in repr(KEY)
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(KEY)


def test_the_fingerprint_names_the_key():
    assert KEY.fingerprint == Keyring(bytes(range(32))).fingerprint != OTHER_KEY.fingerprint
    assert KEY.fingerprint not in bytes(range(32)).hex()
