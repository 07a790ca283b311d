"""A keyed hash of many byte strings at once: SipHash-2-4 (Aumasson, Bernstein 2012) over numpy.

The proof must not hold the source's values, in memory or on disk, longer than a block. It keeps 64-bit SipHash values
under a key that lives as long as the process: without the key they say nothing, and with ten million needles and a
thousand million candidate texts the chance of one false meeting is below 0.001.

Strings longer than `LONG` bytes go through BLAKE2b one by one: word-by-word steps over a few long strings are slow.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

LONG = 2048
_CHUNK = 1 << 15  # strings hashed together: their state stays in the processor's cache
LOW_BYTES = np.array([(1 << (8 * n)) - 1 for n in range(8)] + [0xFFFFFFFFFFFFFFFF], dtype=np.uint64)
"""`LOW_BYTES[n]` keeps the first n bytes of a little-endian word."""


@dataclass(frozen=True, slots=True)
class HashKey:
    """The random key of one proof. Never written anywhere, never shown."""

    octets: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)

    def __post_init__(self) -> None:
        if len(self.octets) != 16:
            raise ValueError("a SipHash key has 16 bytes")

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("the key of a proof does not leave its process")

    @property
    def multiplier(self) -> np.uint64:
        """An odd number that stirs 8-byte windows: a one-to-one map nobody can foresee."""
        return np.uint64(int.from_bytes(self.octets[:8], "little") | 1)


def padded(text: bytes) -> U8:
    """The bytes as an array, with eight zero bytes more, so that every position starts a whole window."""
    out = np.empty(len(text) + 8, dtype=np.uint8)
    out[: len(text)] = np.frombuffer(text, dtype=np.uint8)
    out[len(text) :] = 0
    return out


def windows(buffer: U8) -> U64:
    """The 8-byte little-endian word at every position of a padded buffer: a view, nothing is copied."""
    return np.ndarray(shape=(len(buffer) - 7,), dtype="<u8", buffer=buffer.data, strides=(1,))


def keyed_hash(key: HashKey, buffer: U8, starts: I64, lengths: I64) -> U64:
    """SipHash-2-4 of `buffer[starts[i] : starts[i] + lengths[i]]` for every i. `buffer` is padded."""
    out = np.empty(len(starts), dtype=np.uint64)
    words = windows(buffer)
    long = np.flatnonzero(lengths > LONG)
    short = np.flatnonzero(lengths <= LONG) if len(long) else np.arange(len(starts))
    for at in range(0, len(short), _CHUNK):
        chosen = short[at : at + _CHUNK]
        chosen = chosen[np.argsort(lengths[chosen] >> 3, kind="stable")]
        out[chosen] = _siphash(key.octets, words, starts[chosen], lengths[chosen])
    for i in long.tolist():
        text = buffer[starts[i] : starts[i] + lengths[i]].tobytes()
        digest = hashlib.blake2b(text, digest_size=8, key=key.octets).digest()
        out[i] = int.from_bytes(digest, "little")
    return out


def _siphash(key: bytes, words: U64, starts: I64, lengths: I64) -> U64:
    """SipHash-2-4 of strings ordered by their number of whole words."""
    n = len(starts)
    k0, k1 = (np.uint64(int.from_bytes(key[i : i + 8], "little")) for i in (0, 8))
    v = np.empty((4, n), dtype=np.uint64)
    v[0] = k0 ^ np.uint64(0x736F6D6570736575)
    v[1] = k1 ^ np.uint64(0x646F72616E646F6D)
    v[2] = k0 ^ np.uint64(0x6C7967656E657261)
    v[3] = k1 ^ np.uint64(0x7465646279746573)
    whole = lengths >> 3
    for k in range(int(whole[-1]) if n else 0):
        active = int(np.searchsorted(whole, k, side="right"))
        _compress(v[:, active:], words[starts[active:] + 8 * k])
    tail = words[starts + 8 * whole] & LOW_BYTES[lengths & 7]
    _compress(v, tail | (lengths.astype(np.uint64) << np.uint64(56)))
    v[2] ^= np.uint64(0xFF)
    for _ in range(4):
        _sipround(v)
    result: U64 = v[0] ^ v[1] ^ v[2] ^ v[3]
    return result


def _compress(v: U64, word: U64) -> None:
    v[3] ^= word
    _sipround(v)
    _sipround(v)
    v[0] ^= word


def _rotate(x: U64, bits: int) -> None:
    high = x << np.uint64(bits)
    x >>= np.uint64(64 - bits)
    x |= high


def _sipround(v: U64) -> None:
    v0, v1, v2, v3 = v
    v0 += v1
    v2 += v3
    _rotate(v1, 13)
    _rotate(v3, 16)
    v1 ^= v0
    v3 ^= v2
    _rotate(v0, 32)
    v2 += v1
    v0 += v3
    _rotate(v1, 17)
    _rotate(v3, 21)
    v1 ^= v2
    v3 ^= v0
    _rotate(v2, 32)
