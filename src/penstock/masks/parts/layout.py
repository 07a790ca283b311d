"""Permutations that leave a value's layout alone: digits become digits, letters letters of their case, the rest stays.

What phones, cards, bank accounts and postal codes share. The digits and letters of one value are permuted together,
so that one changed character changes all of them; values of another alphabet go one by one through the same network
over code points.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.detect.spans import Flags
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness
from penstock.masks.keys import U64, Keyring
from penstock.masks.parts.arrays import I64, U8, by_count, octets_of
from penstock.masks.parts.decimals import DigitPermutation
from penstock.masks.parts.permutation import Feistel, Permutation

_WORD = 2**64
_MOST_LETTERS = 13  # 26^13 < 2^64
_MOST_DIGITS = 19
_ROUNDS = 10
# Blanks, dashes and an apostrophe beyond ASCII that people type in numbers.
_KEPT = {0xA0, 0x2019, 0x202F, *range(0x2010, 0x2016)}


IS_DIGIT = np.array([48 <= i <= 57 for i in range(256)])
IS_LETTER = np.array([65 <= i <= 90 or 97 <= i <= 122 for i in range(256)])


class LayoutMask(Mask):
    """The digits and letters of a value, permuted together. Subclasses treat what has a form of its own by its rules."""

    families = frozenset({Family.TEXT})

    def setup(self) -> None:
        self._permutation = SymbolPermutation(self.keys, self.domain)

    def contract(self) -> Contract:
        return Contract(
            Uniqueness.INJECTIVE,
            Codomain.PERMUTATION,
            max_length=self.site.max_length,
            # Values without case are masked in Unicode form NFC, which is longer for a few characters nobody numbers with.
            keeps_length=not self.site.case_insensitive,
            keeps_format=True,
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return self._permutation.all_of(values.fill_null(""))

    def by_form(self, values: pa.Array, form: str, formed: Callable[[pa.Array], pa.Array]) -> pa.Array:
        """`formed` where a value matches the pattern `form`, and must make values that match it; the rest permuted.

        What does not match must not become what does (cycle walking), or it could meet one.
        """
        values = values.fill_null("")
        of_form = pc.match_substring_regex(values, form)
        if pc.all(of_form).as_py():
            return formed(values)
        masked = self._permutation.all_of(values)
        strayed = pc.and_not(pc.match_substring_regex(masked, form), of_form)
        while pc.any(strayed).as_py():
            masked = pc.replace_with_mask(masked, strayed, self._permutation.all_of(masked.filter(strayed)))
            strayed = pc.and_not(pc.match_substring_regex(masked, form), of_form)
        return pc.replace_with_mask(masked, of_form, formed(values.filter(of_form)))


class SymbolPermutation:
    """For each layout (how many digits, how many letters) one keyed permutation. Immutable."""

    def __init__(self, keys: Keyring, domain: str) -> None:
        self._keys = keys
        self._domain = domain
        self._key = keys.subkey(domain, "symbols")
        self.digits = DigitPermutation(keys, domain)

    def all_of(self, values: pa.Array) -> pa.Array:
        """Every digit and letter of each value (large_string, no NULL) permuted."""
        foreign = pc.invert(pc.string_is_ascii(values))
        offsets, data = octets_of(values)
        data = data.copy()
        ascii_rows = np.repeat(~foreign.to_numpy(zero_copy_only=False), np.diff(offsets))
        self.in_place(offsets, data, np.flatnonzero((IS_DIGIT | IS_LETTER)[data] & ascii_rows))
        masked = assembled(offsets, data)
        if pc.any(foreign).as_py():
            slow = [self._one(value) for value in values.filter(foreign).to_pylist()]
            masked = pc.replace_with_mask(masked, foreign, pa.array(slow, pa.large_string()))
        return masked

    def in_place(self, offsets: I64, data: U8, positions: I64) -> None:
        """Permute the ASCII digits and letters of `data` at the sorted `positions`, text by text."""
        if len(positions) == 0:
            return
        first = np.searchsorted(positions, offsets)
        counts = np.diff(first)
        rows = np.repeat(np.arange(len(counts)), counts)
        letters = IS_LETTER[data[positions]]
        lettered: Flags = (np.bincount(rows[letters], minlength=len(counts)) > 0)[rows]
        for _, places in by_count(offsets, positions[~lettered]):
            data[places] = self.digits(data[places] - 48) + 48
        if lettered.any():
            self._mixed(data, positions[lettered], rows[lettered], letters[lettered])

    def _mixed(self, data: U8, positions: I64, rows: I64, letters: Flags) -> None:
        """Texts with letters: those with equally many digits and letters together, digits first."""
        begins = np.concatenate([[True], np.diff(rows) > 0])
        first = np.flatnonzero(begins)
        text = np.cumsum(begins) - 1
        counts = np.diff(np.concatenate([first, [len(rows)]]))
        of_letters = np.add.reduceat(letters.astype(np.int64), first)
        # A digit goes to its rank among the digits of its text, a letter behind them all.
        letters_before: I64 = np.cumsum(letters) - letters
        letters_before -= letters_before[first][text]
        place = np.arange(len(rows)) - first[text]
        rank = np.where(letters, (counts - of_letters)[text] + letters_before, place - letters_before)
        ordered = np.empty_like(positions)
        ordered[first[text] + rank] = positions
        kinds = counts * (of_letters.max() + 1) + of_letters
        for kind in np.unique(kinds):
            chosen = np.flatnonzero(kinds == kind)
            count, d = int(counts[chosen[0]]), int(counts[chosen[0]] - of_letters[chosen[0]])
            places = ordered[first[chosen][:, None] + np.arange(count)]
            case = data[places[:, d:]] & 32
            symbols = np.hstack([data[places[:, :d]] - 48, (data[places[:, d:]] | 32) - 97])
            image = self._symbols(symbols, d)
            data[places[:, :d]] = image[:, :d] + 48
            data[places[:, d:]] = (image[:, d:] + 65) | case

    def _symbols(self, symbols: U8, d: int) -> U8:
        """The image of each row of d digits and then at least one letter."""
        l = symbols.shape[1] - d  # noqa: E741
        if d > _MOST_DIGITS or l > 2 * _MOST_LETTERS or (d and l > _MOST_LETTERS):
            radices = [10] * d + [26] * l
            return np.array([self._network(row.tolist(), radices) for row in symbols], np.uint8)
        if 10**d * 26**l <= _WORD:
            permutation = Permutation(self._keys, self._domain, f"symbols {d} {l}", 10**d * 26**l)
            numbers = permutation(
                _number(symbols[:, :d], 10) * np.uint64(26**l % _WORD) + _number(symbols[:, d:], 26)
            )
            letters = numbers % np.uint64(26**l)
            return np.hstack([_symbols(numbers // np.uint64(26**l), 10, d), _symbols(letters, 26, l)])
        split, radix = (d, 10) if d else (l // 2, 26)
        feistel = Feistel(
            self._keys.subkey(self._domain, f"symbols {d} {l}"), radix**split, 26 ** (d + l - split)
        )
        left, right = feistel(_number(symbols[:, :split], radix), _number(symbols[:, split:], 26))
        return np.hstack([_symbols(left, radix, split), _symbols(right, 26, d + l - split)])

    def _one(self, value: str) -> str:
        """One value with characters beyond ASCII: they are permuted within their 256 neighbours."""
        alphabets = [_alphabet(c) for c in value]
        places = [i for i, alphabet in enumerate(alphabets) if alphabet]
        image = self._network(
            [alphabets[i].index(value[i]) for i in places], [len(alphabets[i]) for i in places]
        )
        characters = list(value)
        for i, symbol in zip(places, image, strict=True):
            characters[i] = alphabets[i][symbol]
        return "".join(characters)

    def _network(self, symbols: list[int], radices: list[int]) -> list[int]:
        """A Feistel network over two halves of any length, with HMAC as the round function."""
        half = len(symbols) // 2
        halves, sizes = [0, 0], [1, 1]
        for i, (symbol, radix) in enumerate(zip(symbols, radices, strict=True)):
            side = int(i >= half)
            halves[side] = halves[side] * radix + symbol
            sizes[side] *= radix
        for i in range(_ROUNDS):
            side = i % 2
            message = f"{radices} {i} {halves[1 - side]}".encode()
            seed = hmac.digest(self._key, message, "sha256")
            stream = int.from_bytes(hashlib.shake_256(seed).digest(sizes[side].bit_length() // 8 + 9), "big")
            halves[side] = (halves[side] + stream) % sizes[side]
        out = []
        for i in range(len(symbols) - 1, -1, -1):
            side = int(i >= half)
            halves[side], symbol = divmod(halves[side], radices[i])
            out.append(symbol)
        return out[::-1]


@cache
def _alphabet(character: str) -> str:
    """The characters one may become, itself among them; '' for one that stays."""
    code = ord(character)
    if code < 128:
        for first, last in ("09", "AZ", "az"):
            if first <= character <= last:
                return "".join(map(chr, range(ord(first), ord(last) + 1)))
        return ""
    if code in _KEPT:
        return ""
    for alphabet in _LATIN1:
        if character in alphabet:
            return alphabet
    return "".join(chr(c) for c in range(code & ~255, (code | 255) + 1) if c not in _KEPT)


# Written out, because Python's table of Unicode changes with its version and a pseudonym must not. Above Latin-1 a
# character stays within its block of 256.
_UPPER = "".join(chr(c) for c in range(0xC0, 0xDF) if c != 0xD7)
_LOWER = "".join(chr(c) for c in range(0xDF, 0x100) if c != 0xF7)
_SIGNS = "".join(chr(c) for c in (*range(0xA1, 0xC0), 0xD7, 0xF7))
_LATIN1 = (_UPPER, _LOWER, _SIGNS, "".join(map(chr, range(0x80, 0xA0))))


def _number(symbols: U8, radix: int) -> U64:
    number = np.zeros(len(symbols), np.uint64)
    for column in symbols.T:
        number = number * np.uint64(radix) + column
    return number


def _symbols(numbers: U64, radix: int, count: int) -> U8:
    out = np.empty((len(numbers), count), np.uint8)
    for i in range(count - 1, -1, -1):
        rest = numbers // np.uint64(radix)
        out[:, i] = numbers - rest * np.uint64(radix)
        numbers = rest
    return out


def assembled(offsets: I64, data: U8) -> pa.Array:
    """The strings that lie end to end in `data`."""
    return pa.Array.from_buffers(
        pa.large_string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
