"""The project key, its sub-keys, and the keyed function every pseudonym comes from.

`Keyring` derives one sub-key per (domain, purpose) with HKDF-SHA256 (RFC 5869). `Prf` is AES-CMAC (RFC 4493) computed
for a whole Arrow array at once: 16 bytes per value, about 0.08 µs each in blocks that fit the cache, where
`hashlib.sha256` costs 0.9 µs and DuckDB's 0.4 µs. Without the key its output cannot be told from random, which is all a
pseudonym needs; an unkeyed hash of a phone number is found by trying all phone numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from penstock.errors import MaskError

KEY_BYTES = 32
_VERSION = b"penstock-1"
_LONG = 512  # bytes; a longer value is replaced by its SHA-256 first, so that it costs two rounds and not thousands
_CHUNK = 32_768  # values per round of CMAC: the working set stays in the cache

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]


class Keyring:
    """The project key. Holds 32 secret bytes: never printed, never pickled."""

    __slots__ = ("_master",)

    def __init__(self, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            raise ValueError(f"the project key has {KEY_BYTES} bytes")
        self._master = master

    def subkey(self, domain: str, purpose: str, length: int = 32) -> bytes:
        """`length` bytes that depend on the key, the domain and the purpose, and on nothing else.

        The parts are length-prefixed, so that ("ab", "c") and ("a", "bc") differ.
        """
        info = b"".join(
            len(part).to_bytes(4, "big") + part for part in (_VERSION, domain.encode(), purpose.encode())
        )
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self._master)

    def prf(self, domain: str, purpose: str) -> Prf:
        """The keyed function of a domain; `purpose` keeps two masks of one domain independent."""
        return Prf(self.subkey(domain, purpose, 64))

    @property
    def fingerprint(self) -> str:
        """16 hex digits that name the key in manifests; nothing about the key follows from them."""
        return self.subkey("", "fingerprint", 8).hex()

    def __repr__(self) -> str:
        return f"Keyring(fingerprint={self.fingerprint})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Keyring is never pickled; a worker reads the key itself")


_held: dict[str, Keyring] = {}


def hold(keys: Keyring) -> None:
    """Let masks that were made in another process be made again in this one, with these keys."""
    _held[keys.fingerprint] = keys


def held(fingerprint: str) -> Keyring:
    """The keyring this process was told to hold. Raises `MaskError` where it is another one, or none."""
    if fingerprint not in _held:
        raise MaskError(
            f"this process does not hold the key {fingerprint}",
            why="a mask that was made elsewhere is made again with the project's key, which never travels with it",
            hint="set PENSTOCK_KEY for the worker to the key that the plan was made with",
        )
    return _held[fingerprint]


def _windows(data: U8) -> npt.NDArray[np.void]:
    """All 16-byte windows of `data`, without a copy: item i is data[i:i+16]."""
    return np.ndarray(shape=(len(data) - 15,), dtype="V16", buffer=data, strides=(1,))


_KEEP = np.tril(np.full((17, 16), 255, dtype=np.uint8), -1).view(np.uint64).reshape(17, 2)
_PAD = (
    np.vstack([np.eye(16, dtype=np.uint8) * 0x80, np.zeros((1, 16), np.uint8)]).view(np.uint64).reshape(17, 2)
)


def _items(rows: U64) -> npt.NDArray[np.void]:
    """The rows of a contiguous (n, 2) array as n items of 16 bytes, without a copy."""
    return rows.view("V16").reshape(-1)


def _double(block: bytes) -> bytes:
    """Multiplication by x in GF(2^128), as RFC 4493 derives its two sub-keys."""
    number = int.from_bytes(block, "big") << 1
    if number >> 128:
        number = (number & ((1 << 128) - 1)) ^ 0x87
    return number.to_bytes(16, "big")


class Prf:
    """AES-256-CMAC over arrays of strings. Thread-safe: an encryptor is made per call."""

    __slots__ = ("_aes", "_expand", "_last")

    def __init__(self, key: bytes) -> None:
        self._aes = Cipher(algorithms.AES(key[:32]), modes.ECB())  # noqa: S305 - the block cipher inside CMAC
        self._expand = Cipher(algorithms.AES(key[32:64]), modes.ECB())  # noqa: S305 - of distinct blocks
        first = _double(self._encrypt(np.zeros((1, 2), np.uint64), self._aes).tobytes())
        whole, padded = (np.frombuffer(key, dtype=np.uint64) for key in (first, _double(first)))
        last = _PAD ^ padded  # by the bytes a last block holds: 0 to 15 are padded, 16 is whole
        last[16] = whole
        self._last = np.vstack([last, np.zeros((1, 2), np.uint64)])

    @staticmethod
    def _encrypt(blocks: U64, cipher: Cipher[modes.ECB]) -> U64:
        source = np.ascontiguousarray(blocks).data.cast("B")
        return np.frombuffer(cipher.encryptor().update(source), dtype=np.uint64).reshape(-1, 2)

    def digest(self, values: pa.Array) -> U64:
        """(n, 2) uint64: 128 keyed bits for each of the n strings (or binaries) of `values`.

        A NULL gets the digest of the empty string; callers restore NULLs from the validity of their input.
        """
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if not (pa.types.is_large_string(values.type) or pa.types.is_large_binary(values.type)):
            values = values.cast(pa.large_binary())
        out = np.empty((len(values), 2), dtype=np.uint64)
        for start in range(0, len(values), _CHUNK):
            out[start : start + _CHUNK] = self._digest_chunk(values.slice(start, _CHUNK))
        return out

    def _digest_chunk(self, values: pa.Array) -> U64:
        n = len(values)
        _, offset_buffer, data_buffer = values.buffers()
        offsets = np.frombuffer(offset_buffer, dtype=np.int64)[values.offset : values.offset + n + 1]
        body = (
            np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]
            if data_buffer is not None
            else np.empty(0, np.uint8)
        )
        starts = offsets[:-1] - offsets[0]
        lengths = offsets[1:] - offsets[:-1]
        tweak = np.zeros(n, dtype=np.uint64)
        long_rows = np.flatnonzero(lengths > _LONG)
        if len(long_rows):
            body, starts, lengths, tweak = _shorten(body, starts, lengths, tweak, long_rows)
        data = np.concatenate([body, np.zeros(16, np.uint8)])
        windows = _windows(data)
        blocks_of = np.maximum(1, (lengths + 15) >> 4)
        # The chaining value starts at zero (RFC 4493); a shortened value starts at one, so that it never meets
        # the 32 bytes that happen to be some other value's digest.
        state = np.zeros((n, 2), dtype=np.uint64)
        state[:, 0] = tweak
        # Rows of two words are moved as single 16-byte items, and gathered with take: fancy indexing costs ten times as much.
        for i in range(int(blocks_of.max()) if n else 0):
            active = np.flatnonzero(blocks_of > i)
            everyone = len(active) == n  # as always at first: nothing to gather then
            left, at, blocks = (
                array if everyone else array.take(active) for array in (lengths, starts, blocks_of)
            )
            before = state if everyone else state.take(active, axis=0)
            filled = np.minimum(left - 16 * i, 16)
            # The last block is padded and gets its sub-key; a block in between is full and gets nothing (row 17).
            ending = np.where(blocks == i + 1, filled, 17)
            block = windows[at + 16 * i].view(np.uint64).reshape(-1, 2)
            block &= _KEEP.take(filled, axis=0)
            block ^= self._last.take(ending, axis=0)
            block ^= before
            after = self._encrypt(block, self._aes)
            if everyone:
                state[:] = after
            else:
                _items(state)[active] = _items(after)
        return state

    def expand(self, digest: U64, count: int) -> Iterator[U64]:
        """`count` further independent (n, 2) blocks of keyed bits from a digest, for masks that need more."""
        for i in range(1, count + 1):
            yield self._encrypt(digest ^ np.array([i, 0], dtype=np.uint64), self._expand)


def _shorten(
    body: U8,
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    tweak: U64,
    rows: npt.NDArray[np.int64],
) -> tuple[U8, npt.NDArray[np.int64], npt.NDArray[np.int64], U64]:
    """Replace the values of `rows` by their SHA-256 and mark them in `tweak`."""
    hashes = b"".join(hashlib.sha256(body[starts[r] : starts[r] + lengths[r]].data).digest() for r in rows)
    starts, lengths = starts.copy(), lengths.copy()
    starts[rows] = len(body) + 32 * np.arange(len(rows))
    lengths[rows] = 32
    tweak[rows] = 1
    return np.concatenate([body, np.frombuffer(hashes, dtype=np.uint8)]), starts, lengths, tweak
