"""Names word by word: each word of a name becomes a word of a pool, what stands between them stays.

That is what makes columns agree: `Mary`, `MARY ANN` and `Smith, Mary` use one pseudonym for Mary, wherever it stands.
A word's pseudonym depends on its letters without case, in Unicode form NFC, so that one person written three ways is
one person. Everything that is not a separator belongs to a word and is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.detect.spans import I64, Cut, Flags, Spans, Texts, cut
from penstock.errors import MaskError
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness
from penstock.masks.keys import U64, Keyring
from penstock.masks.parts.arrays import base32, strings_from_matrix, through_distinct
from penstock.pools.load import pool

_SEPARATORS = frozenset(" \t\n\r\v\f,.&/()+;\"'-_")
_TIES = np.array([chr(i) in "-'" for i in range(256)])
_IS_SEPARATOR = np.array([chr(i) in _SEPARATORS for i in range(256)])
# Blanks, apostrophes and hyphens beyond ASCII stand for those of ASCII.
_PLAIN = ((r"\p{Z}", " "), ("[\u2018\u2019\u02bc]", "'"), ("[\u2010-\u2015]", "-"))

# What may stand before or after a name and is not the name; kept as it is.
_BEFORE = ("mr", "mrs", "ms", "miss", "dr", "prof", "sir", "herr", "frau", "mme", "sr", "sra")
_AFTER = ("jr", "sr", "ii", "iii", "iv", "phd", "md")
# Particles join a family name: "van der Berg", "de la Cruz".
_PARTICLES = (
    "af", "al", "av", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "ibn",
    "la", "le", "ter", "ten", "van", "vom", "von", "y", "zu", "zum", "zur",
)  # fmt: skip
_TITLES_BEFORE, _TITLES_AFTER, _JOINING = (
    pa.array(x, pa.large_string()) for x in (_BEFORE, _AFTER, _PARTICLES)
)

_SUFFIX = 12  # base32 characters that make a name unique: 60 bits
_SUFFIX_LEAST = 6


@dataclass(frozen=True)
class Words:
    """The words of each value, end to end."""

    texts: Texts
    spans: Spans
    cut: Cut

    @classmethod
    def of(cls, values: pa.Array) -> Words:
        """Split `values`; NULL has no words."""
        texts = Texts.of(values)
        if len(texts.data) and texts.data.max() >= 128:
            plain = pc.utf8_normalize(texts.array, form="NFC")
            for pattern, replacement in _PLAIN:
                plain = pc.replace_substring_regex(plain, pattern=pattern, replacement=replacement)
            texts = Texts.of(plain)
        # A word begins where a text does, or after a separator; and likewise it ends.
        inside = ~_IS_SEPARATOR[texts.data]
        edge = np.zeros(len(texts.data) + 1, np.bool_)
        edge[texts.offsets] = True
        padded = np.concatenate([[False], inside, [False]])
        starts = np.flatnonzero(padded[1:] & (~padded[:-1] | edge))
        ends = np.flatnonzero(padded[:-1] & (~padded[1:] | edge))
        spans = Spans(starts, ends)
        return cls(texts, spans, cut(texts, spans))

    @cached_property
    def _encoded(self) -> pa.DictionaryArray:
        return self.cut.pieces.take(pa.array(self.cut.inside)).dictionary_encode()

    @property
    def distinct(self) -> pa.Array:
        """The words without repetition."""
        return self._encoded.dictionary

    @cached_property
    def codes(self) -> I64:
        """The place in `distinct` of each word."""
        codes: I64 = self._encoded.indices.to_numpy().astype(np.int64)
        return codes

    @cached_property
    def rows(self) -> I64:
        return self.texts.rows(self.spans.starts)

    @cached_property
    def counts(self) -> I64:
        """How many words each value has."""
        return np.bincount(self.rows, minlength=len(self.texts)).astype(np.int64)

    @cached_property
    def places(self) -> I64:
        """The place of each word in its value, from 0."""
        first = np.cumsum(self.counts) - self.counts
        places: I64 = np.arange(len(self.rows)) - first[self.rows]
        return places

    @cached_property
    def is_tied(self) -> Flags:
        """Which words hang on the word before by a hyphen or an apostrophe: `Lewis` of `Day-Lewis`."""
        tied = np.zeros(len(self.spans), np.bool_)
        close = self.spans.starts[1:] - self.spans.ends[:-1] == 1
        tied[1:] = (
            close & _TIES[self.texts.data[self.spans.starts[1:] - 1]] & (self.rows[1:] == self.rows[:-1])
        )
        return tied

    @cached_property
    def is_last(self) -> Flags:
        last: Flags = self.places == self.counts[self.rows] - 1
        return last

    def _among(self, set_of_words: pa.Array) -> Flags:
        flags = pc.is_in(pc.utf8_lower(self.distinct), set_of_words)
        found: Flags = flags.to_numpy(zero_copy_only=False)[self.codes]
        return found

    @cached_property
    def titles(self) -> Flags:
        """`Dr`, `Mrs` before other words; `Jr`, `III` after them."""
        before = (self.places == 0) & ~self.is_last & self._among(_TITLES_BEFORE)
        titles: Flags = before | (self.is_last & (self.places > 0) & self._among(_TITLES_AFTER))
        return titles

    @cached_property
    def particles(self) -> Flags:
        """`van`, `de` and the like, where another word follows."""
        joining: Flags = ~self.is_last & self._among(_JOINING)
        return joining

    @cached_property
    def kept(self) -> Flags:
        """Words that are no name: titles, and particles written small (`Van` may be a name of its own)."""
        small = pc.equal(self.distinct, pc.utf8_lower(self.distinct)).to_numpy(zero_copy_only=False)
        kept: Flags = self.titles | (self.particles & small[self.codes])
        return kept

    def at(self, place: int, chosen: Flags) -> pa.Array:
        """The word at `place` of each value, where there is one and it is `chosen`; NULL elsewhere."""
        here = (self.places == place) & chosen
        index = np.full(len(self.texts), len(self.distinct), np.int64)
        index[self.rows[here]] = self.codes[here]
        return pa.concat_arrays([self.distinct, pa.nulls(1, self.distinct.type)]).take(pa.array(index))

    def written(self, spellings: Sequence[pa.Array], choice: I64) -> pa.Array:
        """The values again, word i as `spellings[choice[i]]` has it; a spelling is an array aligned with `distinct`."""
        if len(self.spans) == 0:
            return self.texts.array
        table = pa.concat_arrays([spelling.cast(pa.large_string()) for spelling in spellings])
        words = table.take(pa.array(self.codes + choice * len(self.distinct)))
        return self.cut.joined(pc.replace_with_mask(self.cut.pieces, pa.array(~self.cut.outside), words))


class NamePool:
    """The pseudonyms of single words: a pool, and the keyed function that picks from it."""

    def __init__(self, keys: Keyring, domain: str, pool_name: str, longest: int | None) -> None:
        self._prf = keys.prf(domain, "name")
        self._pick = Picker(pool(pool_name), longest)
        self._longest = longest

    def of(self, words: pa.Array) -> pa.Array:
        """The pseudonym of each word, in its letter case; an initial becomes an initial."""
        digest = self._prf.digest(pc.utf8_normalize(pc.utf8_lower(words), form="NFC"))
        names = self._pick.of(digest)
        initials = strings_from_matrix(
            ((digest[:, 1] % np.uint64(26)) + np.uint64(65)).astype(np.uint8).reshape(-1, 1)
        )
        # Longer than one letter of an alphabet: a Chinese surname of one character is a name, no initial.
        is_initial = pc.and_(pc.equal(pc.utf8_length(words), 1), pc.less_equal(pc.binary_length(words), 2))
        return in_case_of(words, pc.if_else(is_initial, initials, names))


def in_case_of(originals: pa.Array, names: pa.Array) -> pa.Array:
    """`names` in UPPER or lower case where the originals are, as the pool spells them elsewhere."""
    upper, lower = pc.utf8_upper(originals), pc.utf8_lower(originals)
    has_case = pc.not_equal(upper, lower)
    names = pc.if_else(pc.and_(has_case, pc.equal(originals, upper)), pc.ascii_upper(names), names)
    return pc.if_else(pc.and_(has_case, pc.equal(originals, lower)), pc.ascii_lower(names), names)


class Picker:
    """Picks from a pool by keyed bits. Where a column is short, only values that fit.

    A value whose first choice fits keeps it, so that a short column agrees with a long one wherever it can.
    """

    def __init__(self, values: pa.Array, longest: int | None) -> None:
        self._values = values
        widths = pc.utf8_length(values).to_numpy()
        self._fitting = np.flatnonzero(widths <= (longest if longest is not None else widths.max()))
        self._fits = np.zeros(len(values), np.bool_)
        self._fits[self._fitting] = True
        if len(self._fitting) == 0:
            raise MaskError(
                f"no value of the pool fits into {longest} characters",
                hint="use the mask text, digits or null there",
            )

    def of(self, digest: U64) -> pa.Array:
        """One value of the pool for each of the (n, 2) digests."""
        chosen = (digest[:, 0] % np.uint64(len(self._values))).astype(np.int64)
        if len(self._fitting) < len(self._values):
            second = (digest[:, 1] % np.uint64(len(self._fitting))).astype(np.int64)
            chosen = np.where(self._fits[chosen], chosen, self._fitting[second])
        return self._values.take(pa.array(chosen))


class PoolMask(Mask):
    """What masks from pools share: at a unique site a keyed suffix, always the column's length, the contract."""

    def setup(self) -> None:
        self._suffix_width = 0
        self.room = self.site.max_length
        if self.site.unique:
            self._suffix_width = _SUFFIX
            if self.room is not None:
                self._suffix_width = min(_SUFFIX, max(_SUFFIX_LEAST, self.room - 9))
                self.room -= self._suffix_width + 1
            self._suffix_prf = self.keys.prf(self.domain, "suffix")
        if self.room is not None and self.room < 1:
            raise MaskError(
                f"a {self.name} that is unique does not fit into {self.site.max_length} characters",
                hint="use the mask text there",
            )
        self.prepare()

    def prepare(self) -> None:
        """Build the pools for outputs of at most `self.room` characters."""
        raise NotImplementedError

    def contract(self) -> Contract:
        unique = self.site.unique
        return Contract(
            Uniqueness.LIKELY if unique else Uniqueness.LOSSY,
            Codomain.POOL,
            max_length=self.site.max_length,
            keeps_format=not unique,
            collision_bits=5 * self._suffix_width if unique else 0,
        )

    def finished(self, values: pa.Array, masked: pa.Array) -> pa.Array:
        """`masked`, cut to the column's length, and unique where the column is: a suffix of the value's own keyed bits."""
        if self.room is not None:
            masked = pc.utf8_rtrim_whitespace(pc.utf8_slice_codeunits(masked, 0, self.room))
        if self._suffix_width:
            suffix = strings_from_matrix(base32(self._suffix_prf.digest(values), self._suffix_width))
            masked = pc.binary_join_element_wise(masked, suffix, pa.scalar("-", pa.large_string()))
        return masked


class NameMask(PoolMask):
    """Every word of a value by one pool of names; titles and particles stay."""

    pool_name: ClassVar[str]
    families = frozenset({Family.TEXT})

    def prepare(self) -> None:
        self._pool = NamePool(self.keys, self.domain, self.pool_name, self.room)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return through_distinct(values, self._masked)

    def _masked(self, values: pa.Array) -> pa.Array:
        words = Words.of(values)
        spellings = [self._pool.of(words.distinct), words.distinct]
        return self.finished(values, words.written(spellings, words.kept.astype(np.int64)))


def normalised(values: pa.Array) -> pa.Array:
    """Values without case, in Unicode form NFC, with single blanks: what two spellings of one thing share."""
    lower = pc.utf8_lower(pc.utf8_normalize(values.cast(pa.large_string()), form="NFC"))
    blanks = pc.replace_substring_regex(lower, pattern=r"[\s\p{Z}]+", replacement=" ")
    return pc.utf8_normalize(pc.utf8_trim_whitespace(blanks), form="NFC")
