"""Keyed permutations of {0, …, size - 1}: how a number becomes another number of its own kind, and no two become one.

Up to a million values the permutation is a table, shuffled by the key. Beyond that it is a Feistel network over two
residues (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002) with AES as the round function and
cycle walking for what falls outside: ten rounds, as FF1 (NIST SP 800-38G) has them.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from penstock.masks.keys import U64, Keyring

TABLE_LIMIT = 1_000_000
FEW = 1_000  # a permutation of fewer values hides nothing from who can count
_ROUNDS = 10
_CHUNK = 16_384  # values per run through the rounds: the working set stays in the cache


class Permutation:
    """One keyed permutation of {0, …, size - 1}, 2 ≤ size ≤ 2^64. Immutable; tables are made at first use."""

    __slots__ = ("_feistel", "_key", "size")

    def __init__(self, keys: Keyring, domain: str, purpose: str, size: int) -> None:
        self.size = size
        self._key = keys.subkey(domain, f"permutation {size} {purpose}")
        left = isqrt(size - 1) + 1 if size > 1 else 1
        self._feistel = Feistel(self._key, left, -(-size // left))

    def __call__(self, places: U64) -> U64:
        """The image of each place. Places are below `size`."""
        if self.size <= 1:
            return places
        if self.size <= TABLE_LIMIT:
            return _table(self._key, self.size)[places].astype(np.uint64)
        out = self._once(places)
        limit = np.uint64(self.size - 1)
        outside = np.flatnonzero(out > limit)
        while len(outside):
            out[outside] = self._once(out[outside])
            outside = outside[out[outside] > limit]
        return out

    def _once(self, places: U64) -> U64:
        second = np.uint64(self._feistel.right)
        left = places // second
        left, right = self._feistel(left, places - left * second)
        return left * second + right


class Feistel:
    """A keyed permutation of pairs (l, r) with l < left and r < right, both moduli at most 2^64."""

    __slots__ = ("_aes", "left", "right")

    def __init__(self, key: bytes, left: int, right: int) -> None:
        self._aes = _aes(key)
        self.left = left
        self.right = right

    def __call__(self, left: U64, right: U64) -> tuple[U64, U64]:
        """The images of the pairs, as two arrays."""
        if len(left) == 0:
            return left, right
        parts = [
            self._chunk(left[i : i + _CHUNK], right[i : i + _CHUNK]) for i in range(0, len(left), _CHUNK)
        ]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _chunk(self, left: U64, right: U64) -> tuple[U64, U64]:
        encrypt = self._aes.encryptor().update
        block = np.zeros((len(left), 2), np.uint64)
        # Even rounds change the left half, odd rounds the right one: each half keeps its own modulus.
        for i in range(_ROUNDS):
            changes_left = i % 2 == 0
            source, target, modulus = (right, left, self.left) if changes_left else (left, right, self.right)
            block[:, 0] = source
            block[:, 1] = i
            stream = np.frombuffer(encrypt(memoryview(block.data).cast("B")), np.uint64)[0::2]
            image = _add(target, stream, modulus)
            if changes_left:
                left = image
            else:
                right = image
        return left, right


def _aes(key: bytes) -> Cipher[modes.ECB]:
    # One block is one call of the round function: nothing is encrypted in this mode.
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305


def _add(target: U64, stream: U64, modulus: int) -> U64:
    """(target + stream) mod modulus, without overflow and without the slow remainder of numpy."""
    if modulus & (modulus - 1) == 0:
        return (target + stream) & np.uint64(modulus - 1)
    m = np.uint64(modulus)
    residue = stream - (stream // m) * m
    rest = m - residue  # what is still free up to the modulus, in 1 … m
    return np.where(target >= rest, target - rest, target + residue)


@lru_cache(maxsize=24)  # of at most 4 MB each
def _table(key: bytes, size: int) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """The numbers below `size` in the order of their keyed bits."""
    blocks = np.zeros(((size + 1) // 2, 2), np.uint64)
    blocks[:, 0] = np.arange(len(blocks))
    encrypted = _aes(key).encryptor().update(memoryview(blocks.data).cast("B"))
    return np.argsort(np.frombuffer(encrypted, np.uint64)[:size], kind="stable").astype(np.uint32)
