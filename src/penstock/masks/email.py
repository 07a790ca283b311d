"""`email`: an address nobody has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.detect.spans import Texts
from penstock.errors import MaskError
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness
from penstock.masks.parts.arrays import I64, U8, U64, Flags, base32, strings_from_matrix
from penstock.masks.uuid import HYPHENATED, marked, spelled

_HOST = r"^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+\p{L}[\p{L}\p{N}-]*$"
_ASCII_HOST = r"^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*$"
_SHORT_HOST = 8  # base32 characters of a short host: 40 bits
_SHORT_LOCAL = 16
_LEAST_LOCAL = 8


@dataclass(frozen=True, slots=True)
class EmailOptions:
    """`keep_domain` keeps what follows the @; `tld` ends made-up hosts: by default one that no mail ever reaches."""

    keep_domain: bool = False
    ignore_case: bool = True
    tld: str = "example"


class Email(Mask):
    """`uuid@uuid.example`; as much of it as the column holds: a short host, then base32 for the local part.

    The local part follows from the whole address, the host from the host, so colleagues stay colleagues. Letter case
    and blanks around the address make no difference. RFC 2606 reserves `.example`: nothing sent there arrives.
    """

    name = "email"
    summary = "an address made of UUIDs; keeps who is a colleague of whom (option keep_domain)"
    example = ("Ana.Silva@shop.example", "uuid@uuid.example")
    families = frozenset({Family.TEXT})
    default_domain = "person.email"
    Options = EmailOptions

    def setup(self) -> None:
        self._local_prf = self.keys.prf(self.domain, "email local")
        self._host_prf = self.keys.prf(self.domain, "email host")
        self._ending = "." + self.options.tld.lstrip(".")
        room = self.site.max_length
        around = 1 + len(self._ending)  # "@" and ".example"
        if room is None or room >= 2 * HYPHENATED + around:
            self._local_width, self._host_width = HYPHENATED, HYPHENATED
        elif room >= HYPHENATED + _SHORT_HOST + around:
            self._local_width, self._host_width = HYPHENATED, _SHORT_HOST
        elif room >= _SHORT_LOCAL + _SHORT_HOST + around:
            self._local_width, self._host_width = _SHORT_LOCAL, _SHORT_HOST
        else:
            self._local_width, self._host_width = min(_SHORT_LOCAL, room - around - 1), 1
        if self._local_width < _LEAST_LOCAL:
            raise MaskError(
                f"a made-up address needs {_LEAST_LOCAL + around + 1} characters, the column holds {room}",
                hint='use the mask "text" there',
            )

    def contract(self) -> Contract:
        local = self._local_width
        return Contract(
            Uniqueness.LIKELY,
            Codomain.FRESH,
            max_length=self.site.max_length
            if self.options.keep_domain
            else local + self._host_width + 1 + len(self._ending),
            collision_bits=5 * _LEAST_LOCAL
            if self.options.keep_domain and self.site.max_length
            else _bits(local),
            keeps_format=True,
        )

    def normalise(self, values: pa.Array) -> pa.Array:
        """Without surrounding blanks and, unless told otherwise, without letter case."""
        trimmed = pc.utf8_trim_whitespace(super().normalise(values))
        if _is_ascii(trimmed):  # the usual addresses: a tenth of the time
            return pc.ascii_lower(trimmed) if self.options.ignore_case else trimmed
        return pc.utf8_normalize(pc.utf8_lower(trimmed) if self.options.ignore_case else trimmed, form="NFC")

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        hosts, signs = _hosts_of(values)
        if not self.options.keep_domain:
            return self._made_up(values, hosts)
        return self._with_kept_hosts(values, hosts, signs == 1)

    def _made_up(self, values: pa.Array, hosts: pa.Array) -> pa.Array:
        return _joined(self._locals(values, self._local_width), self._hosts(hosts))

    def _with_kept_hosts(self, values: pa.Array, hosts: pa.Array, one_sign: Flags) -> pa.Array:
        """Real hosts where they are hosts and leave room for a local part, made-up ones elsewhere."""
        distinct = hosts.dictionary_encode()
        # The classes of Unicode take 2 ms to compile, at every call.
        pattern = _ASCII_HOST if _is_ascii(distinct.dictionary) else _HOST
        is_host = pc.match_substring_regex(distinct.dictionary, pattern).take(distinct.indices)
        open_rows = one_sign & is_host.to_numpy(zero_copy_only=False)
        room = self.site.max_length
        spare = None if room is None else room - 1 - pc.utf8_length(hosts).to_numpy()
        parts, order = [], []
        for width in (HYPHENATED, _SHORT_LOCAL, _LEAST_LOCAL):
            rows = np.flatnonzero(open_rows if spare is None else open_rows & (spare >= width))
            if len(rows) == len(values):
                return _joined(self._locals(values, width), hosts)
            open_rows[rows] = False
            order.append(rows)
            parts.append(
                _joined(self._locals(values.take(pa.array(rows)), width), hosts.take(pa.array(rows)))
            )
        rest = np.setdiff1d(np.arange(len(values)), np.concatenate(order), assume_unique=True)
        order.append(rest)
        parts.append(self._made_up(values.take(pa.array(rest)), hosts.take(pa.array(rest))))
        return pa.concat_arrays(parts).take(pa.array(np.argsort(np.concatenate(order))))

    def _locals(self, values: pa.Array, width: int) -> pa.Array:
        if width == HYPHENATED:
            return strings_from_matrix(_at(_uuids(self._local_prf.digest(values))))
        return strings_from_matrix(_at(base32(self._local_prf.digest(values), width)))

    def _hosts(self, hosts: pa.Array) -> pa.Array:
        encoded = hosts.dictionary_encode()
        distinct = encoded.dictionary
        if self._host_width == HYPHENATED:
            characters = _uuids(self._host_prf.digest(distinct))
        else:
            characters = base32(self._host_prf.digest(distinct), self._host_width)
        ending = np.frombuffer(self._ending.encode(), np.uint8)
        endings = np.broadcast_to(ending, (len(characters), len(ending)))
        return strings_from_matrix(np.hstack([characters, endings])).take(encoded.indices)


def _is_ascii(values: pa.Array) -> bool:
    return bool((Texts.of(values).data < 0x80).all())


def _hosts_of(values: pa.Array) -> tuple[pa.Array, I64]:
    """What follows the last @ of each value, all of it where there is none ('' of a NULL); how many @ it has."""
    texts = Texts.of(values)
    signs = np.flatnonzero(texts.data == ord("@"))
    before = np.searchsorted(signs, texts.offsets)
    count = np.diff(before)
    starts = texts.offsets[:-1].copy()
    found = np.flatnonzero(count)
    starts[found] = signs[before[1:][found] - 1] + 1
    return texts.slices(starts, texts.offsets[1:]), count


def _uuids(digest: U64) -> U8:
    """(n, 36) characters: UUIDs of version 8 from keyed bits. The mask `uuid` is the one that SQL can reproduce."""
    return spelled(marked(digest.view(np.uint8).reshape(-1, 16)))


def _at(matrix: U8) -> U8:
    """The characters with an @ after them."""
    return np.hstack([matrix, np.full((len(matrix), 1), ord("@"), np.uint8)])


def _joined(first: pa.Array, second: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(first, second, pa.scalar("", pa.large_string()))


def _bits(width: int) -> int:
    return 122 if width == HYPHENATED else 5 * width
