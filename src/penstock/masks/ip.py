"""`ip`: another address of the same family, in a network of the same size."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.masks.build import build
from penstock.masks.contract import Codomain, Contract, Input, Mask, Site, Uniqueness
from penstock.masks.parts.arrays import through_distinct
from penstock.masks.parts.permutation import TABLE_LIMIT, Feistel, Permutation


class Ip(Mask):
    """Network part and host part are permuted each within its own bits; family and prefix length stay.

    Two addresses written with one prefix length and of one network stay neighbours; a plain address is a network of its
    own. A host part of zeros stays so, which is what cidr demands. A keyed permutation never gives two addresses one
    pseudonym, but a pseudonym may be somebody's address. Text that is no address is masked as text.
    """

    name = "ip"
    summary = "another address of the same family and prefix length; never two to one"
    example = ("192.0.2.7/24", "another address, /24")
    families = frozenset({Family.NETWORK, Family.TEXT})
    default_domain = "ip"

    def setup(self) -> None:
        self._text = build("text", Site(Family.TEXT, max_length=self.site.max_length), self.keys)

    def contract(self) -> Contract:
        text = self.site.family is Family.TEXT
        return Contract(
            Uniqueness.LIKELY if text else Uniqueness.INJECTIVE,
            Codomain.PERMUTATION,
            max_length=self.site.max_length,
            keeps_format=True,
            collision_bits=self._text.contract().collision_bits if text else 128,
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return through_distinct(values, self._distinct)

    def _distinct(self, values: pa.Array) -> pa.Array:
        addresses = [None if v is None else _parsed(v) for v in values.to_pylist()]
        masked: list[str | None] = [None] * len(addresses)
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for i, address in enumerate(addresses):
            if address is not None:
                groups[address.bits, address.prefix].append(i)
        for (bits, prefix), rows in groups.items():
            members = [a for i in rows if (a := addresses[i]) is not None]
            networks = self._permuted([a.number >> (bits - prefix) for a in members], prefix, "network")
            hosts = self._permuted(
                [a.number & ((1 << (bits - prefix)) - 1) for a in members], bits - prefix, "host"
            )
            for i, address, network, host in zip(rows, members, networks, hosts, strict=True):
                masked[i] = address.spelled(network << (bits - prefix) | host)
        found = pa.array(masked, pa.large_string())
        room = self.site.max_length
        if room is not None:
            found = pc.if_else(pc.less_equal(pc.utf8_length(found), room), found, pa.scalar(None, found.type))
        return pc.coalesce(found, self._text.mask(values)) if found.null_count else found

    def _permuted(self, numbers: list[int], bits: int, purpose: str) -> list[int]:
        """Numbers of so many bits permuted among themselves; zero stays zero."""
        permute = self._permutation(bits, purpose)
        images = permute(numbers)
        # Zero keeps its place: whoever was sent there walks on to where zero was sent (cycle walking).
        to_zero = [
            i for i, (number, image) in enumerate(zip(numbers, images, strict=True)) if number and not image
        ]
        for i in to_zero:
            images[i] = permute([0])[0]
        return [image if number else 0 for number, image in zip(numbers, images, strict=True)]

    def _permutation(self, bits: int, purpose: str) -> Callable[[list[int]], list[int]]:
        if 2**bits <= TABLE_LIMIT:
            small = Permutation(self.keys, self.domain, f"ip {purpose}", 2**bits)
            return lambda numbers: small(np.array(numbers, np.uint64)).tolist()
        low = bits - bits // 2
        feistel = Feistel(self.keys.subkey(self.domain, f"ip {purpose} {bits}"), 2 ** (bits // 2), 2**low)

        def permute(numbers: list[int]) -> list[int]:
            left = np.array([n >> low for n in numbers], np.uint64)
            right = np.array([n & (2**low - 1) for n in numbers], np.uint64)
            left, right = feistel(left, right)
            return [a << low | b for a, b in zip(left.tolist(), right.tolist(), strict=True)]

        return permute


class _Address(NamedTuple):
    number: int
    bits: int  # 32 or 128
    prefix: int
    suffix: str  # "/24", or "" where none was written

    def spelled(self, number: int) -> str:
        family = socket.AF_INET if self.bits == 32 else socket.AF_INET6
        return socket.inet_ntop(family, number.to_bytes(self.bits // 8, "big")) + self.suffix


def _parsed(text: str) -> _Address | None:
    """An address with or without prefix length; None for anything else."""
    address, slash, length = text.partition("/")
    family, bits = (socket.AF_INET6, 128) if ":" in address else (socket.AF_INET, 32)
    try:
        number = int.from_bytes(socket.inet_pton(family, address), "big")
    except (OSError, ValueError):
        return None
    if not slash:
        return _Address(number, bits, bits, "")
    if not (length.isascii() and length.isdecimal() and len(length) <= 3 and int(length) <= bits):
        return None
    return _Address(number, bits, int(length), slash + length)
