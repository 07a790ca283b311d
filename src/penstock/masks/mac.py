"""`mac`: a hardware address no manufacturer gave."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.masks.build import build
from penstock.masks.contract import Codomain, Contract, Input, Mask, Site, Uniqueness
from penstock.masks.parts.arrays import by_count, hexadecimal, octets_of

_IS_HEX = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdefABCDEF", np.uint8))
_PAIRS = r"[0-9A-Fa-f]{2}"
_MAC = rf"^{_PAIRS}(?:[:-]?{_PAIRS}){{5}}(?:(?:[:-]?{_PAIRS}){{2}})?$|^(?:[0-9A-Fa-f]{{4}}\.){{2,3}}[0-9A-Fa-f]{{4}}$"


class Mac(Mask):
    """Keyed bits with the two flags of a locally administered unicast address (IEEE 802, second digit 2, 6, a or e).

    Separators and letter case of the spelling stay; the pseudonym does not depend on them. Text that is no address is
    masked as text.
    """

    name = "mac"
    summary = "a locally administered unicast address, 6 or 8 octets"
    example = ("00:00:5e:00:53:01", "six other octets")
    families = frozenset({Family.MAC, Family.TEXT})
    default_domain = "mac"

    def setup(self) -> None:
        self._prf = self.keys.prf(self.domain, "mac")
        self._text = build("text", Site(Family.TEXT, max_length=self.site.max_length), self.keys)

    def contract(self) -> Contract:
        bits = 46
        if self.site.family is Family.TEXT:
            bits = min(bits, self._text.contract().collision_bits)
        return Contract(
            Uniqueness.LIKELY,
            Codomain.FRESH,
            max_length=self.site.max_length,
            keeps_format=True,
            collision_bits=bits,
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        is_mac = pc.fill_null(pc.match_substring_regex(values, _MAC), fill_value=False)
        rows = np.flatnonzero(is_mac.to_numpy(zero_copy_only=False))
        if len(rows) == len(values):
            return self._masked(values)
        return pc.replace_with_mask(self._text.mask(values), is_mac, self._masked(values.filter(is_mac)))

    def _masked(self, values: pa.Array) -> pa.Array:
        bare = pc.ascii_lower(pc.replace_substring_regex(values, pattern="[:.-]", replacement=""))
        octets = self._prf.digest(bare).view(np.uint8).reshape(-1, 16)[:, :8].copy()
        octets[:, 0] = (octets[:, 0] & 0xFC) | 0x02
        digits = hexadecimal(octets)
        offsets, data = octets_of(values)
        out = data.copy()
        for rows, places in by_count(offsets, np.flatnonzero(_IS_HEX[data])):
            made = digits[rows, : places.shape[1]]
            letters = data[places]
            upper = np.any((letters >= ord("A")) & (letters <= ord("F")), axis=1, keepdims=True)
            out[places] = np.where(upper & (made >= ord("a")), made - 32, made)
        return pa.Array.from_buffers(
            pa.large_string(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(out)]
        )
