"""`uuid`: a name-based UUID under a secret namespace."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness
from penstock.masks.parts.arrays import U8, hexadecimal, octets_of, strings_from_matrix

HYPHENATED = 36
PLAIN = 32
_GROUPS = (
    (0, 8, 0),
    (8, 12, 1),
    (12, 16, 2),
    (16, 20, 3),
    (20, 32, 4),
)  # digits from, to; hyphens before them


@dataclass(frozen=True, slots=True)
class UuidOptions:
    """`version = 5` is PostgreSQL's uuid_generate_v5(namespace, text), for who must reproduce it in SQL."""

    version: int = 8


class Uuid(Mask):
    """UUIDv8 from SHA-256 (RFC 9562, appendix B.2), or v5 from SHA-1, under a namespace that follows from the key."""

    name = "uuid"
    summary = "a UUID that follows from the value and the key"
    example = ("Ana", "a UUID of version 8")
    families = frozenset({Family.UUID, Family.TEXT})
    default_domain = "uuid"
    Options = UuidOptions

    def setup(self) -> None:
        if self.options.version not in (5, 8):
            raise MaskError("the mask 'uuid' makes versions 5 and 8", hint="version = 8")
        room = self.site.max_length
        if room is not None and room < PLAIN:
            raise MaskError(
                f"a UUID has {HYPHENATED} characters ({PLAIN} without hyphens), the column holds {room}",
                hint='use the mask "text" there',
            )
        self._width = HYPHENATED if room is None or room >= HYPHENATED else PLAIN
        self.namespace = self.keys.subkey(self.domain, "uuid namespace", 16)

    def contract(self) -> Contract:
        return Contract(Uniqueness.LIKELY, Codomain.FRESH, max_length=self._width, collision_bits=122)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        octets = name_based(self.namespace, values, self.options.version)
        return strings_from_matrix(spelled(octets) if self._width == HYPHENATED else hexadecimal(octets))


def name_based(namespace: bytes, values: pa.Array, version: int = 8) -> U8:
    """(n, 16) octets: the UUID of each value. A NULL is taken as ''.

    One C call per value: hashlib takes 0.3 µs for a short text here, DuckDB's sha256 over Arrow 0.4.
    """
    offsets, data = octets_of(values)
    body = memoryview(data.tobytes())
    # Version 5 is SHA-1 by definition; the secret namespace makes it keyed.
    digest = hashlib.sha1 if version == 5 else hashlib.sha256
    digests = b"".join([digest(namespace + body[a:b]).digest() for a, b in pairwise(offsets.tolist())])
    return marked(
        np.frombuffer(digests, np.uint8).reshape(len(values), digest().digest_size)[:, :16], version
    )


def marked(octets: U8, version: int = 8) -> U8:
    """A copy of (n, 16) octets with the version and the variant of RFC 9562 written into them."""
    octets = octets.copy()
    octets[:, 6] = (octets[:, 6] & 0x0F) | (version << 4)
    octets[:, 8] = (octets[:, 8] & 0x3F) | 0x80
    return octets


def spelled(octets: U8) -> U8:
    """(n, 36) characters of (n, 16) octets: 8-4-4-4-12."""
    out = np.full((len(octets), HYPHENATED), ord("-"), np.uint8)
    digits = hexadecimal(octets)
    for start, end, hyphens in _GROUPS:
        out[:, start + hyphens : end + hyphens] = digits[:, start:end]
    return out
