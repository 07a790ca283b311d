"""Keyed permutations of digit strings of one length: 00 … 99, and 000 … 999 among themselves."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np

from penstock.masks.keys import U64, Keyring
from penstock.masks.parts.arrays import U8
from penstock.masks.parts.permutation import TABLE_LIMIT, Feistel, Permutation

_MOST = 36  # digits that two halves of 64 bits hold
_FOUR = np.array([[i // 1000, i // 100 % 10, i // 10 % 10, i % 10] for i in range(10_000)], np.uint8)
_LONG_ROUNDS = 10


class DigitPermutation:
    """One keyed permutation per length. Immutable; made of the domain's key."""

    __slots__ = ("_domain", "_key", "_keys")

    def __init__(self, keys: Keyring, domain: str) -> None:
        self._keys = keys
        self._domain = domain
        self._key = keys.subkey(domain, "digits")

    def __call__(self, digits: U8) -> U8:
        """The image of each row of an (n, length) matrix of digits 0 … 9."""
        length = digits.shape[1]
        if length > _MOST:
            return np.array([self._long(row.tolist()) for row in digits], np.uint8).reshape(digits.shape)
        if 10**length <= TABLE_LIMIT:
            permutation = Permutation(self._keys, self._domain, "digits", 10**length)
            return _digits(permutation(_number(digits)), length)
        half = length // 2
        feistel = Feistel(
            self._keys.subkey(self._domain, f"digits {length}"), 10**half, 10 ** (length - half)
        )
        left, right = feistel(_number(digits[:, :half]), _number(digits[:, half:]))
        return np.hstack([_digits(left, half), _digits(right, length - half)])

    def _long(self, digits: list[int]) -> list[int]:
        """Any length, one by one: the same network over Python's integers with HMAC as the round function."""
        length, half = len(digits), len(digits) // 2
        left, right = (int("".join(map(str, part))) for part in (digits[:half], digits[half:]))
        for i in range(_LONG_ROUNDS):
            source, width = (right, half) if i % 2 == 0 else (left, length - half)
            stream = _stream(self._key, f"{length} {i} {source}".encode(), width)
            if i % 2 == 0:
                left = (left + stream) % 10**half
            else:
                right = (right + stream) % 10 ** (length - half)
        return [int(c) for c in f"{left:0{half}d}{right:0{length - half}d}"]


def _stream(key: bytes, message: bytes, digits: int) -> int:
    """A keyed number of 64 bits more than `digits` digits need."""
    octets = digits // 2 + 8
    seed = hmac.digest(key, message, "sha256")
    return int.from_bytes(hashlib.shake_256(seed).digest(octets), "big")


def _number(digits: U8) -> U64:
    """(n, length ≤ 18) digits as numbers."""
    number = np.zeros(len(digits), np.uint64)
    for column in digits.T:
        number = number * np.uint64(10) + column
    return number


def _digits(numbers: U64, length: int) -> U8:
    """The `length` ≤ 18 last digits of each number, four at a time."""
    parts = []
    for _ in range(0, length, 4):
        rest = numbers // np.uint64(10_000)
        parts.append(_FOUR[numbers - rest * np.uint64(10_000)])
        numbers = rest
    return np.hstack(parts[::-1])[:, -length:]
