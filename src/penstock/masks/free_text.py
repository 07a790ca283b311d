"""`free_text`: notes, comments, messages: what people typed about people.

First the values of the row's own people (its identities) become the pseudonyms their own columns' masks give, so that a
story stays coherent; then what is recognised anywhere (e-mails, phones, cards, accounts, addresses) becomes what its
mask gives in its default domain, with the options its columns agree on. No recogniser finds everything, so the rest is
replaced too, unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.detect import credit_card, email, iban, ip, mac, phone, url
from penstock.detect.search import Unaccented, find_own, folded, needles
from penstock.detect.spans import Spans, Texts, cut, replaced, united
from penstock.errors import MaskError
from penstock.masks import registry
from penstock.masks.build import recognising
from penstock.masks.contract import Codomain, Contract, Input, Mask, Site, Uniqueness, build_options
from penstock.masks.parts.arrays import strings
from penstock.masks.parts.words import Words
from penstock.pools.load import pool

DETECTORS: tuple[tuple[str, Callable[[pa.Array], Spans]], ...] = (
    ("email", email.find),
    ("iban", iban.find),
    ("credit_card", credit_card.find),
    ("ip", ip.find),
    ("mac", mac.find),
    ("phone", phone.find),
    ("url", url.find),
)
_NAMES = ("first_name", "last_name", "person_name")  # people are also called by one word of these
IDENTITIES = frozenset(
    {*_NAMES, "email", "phone", "iban", "credit_card", "company", "street_address", "text", "uuid"}
)
_BLOCK = 1_000  # characters of running text kept ready


@dataclass(frozen=True, slots=True)
class Identity:
    """A column whose value may be named in the text, and how that column is masked.

    `via` are columns of this table that are a foreign key: `column` is then one of the referenced table. Without `mask`
    the value is replaced by a pseudonym of the mask `text`.
    """

    column: str
    via: tuple[str, ...] = ()
    mask: str = ""
    domain: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def input(self) -> Input:
        return Input(self.column, self.via)

    @classmethod
    def of(cls, given: Any) -> Identity:
        """From a line of `masks.toml`: a column's name, or a table. Raises TypeError or ValueError."""
        if isinstance(given, Identity):
            return given
        if isinstance(given, str):
            return cls(given)
        if not isinstance(given, Mapping) or not isinstance(given.get("column"), str):
            raise TypeError('an identity is "column" or { column = "…", via = ["…"], mask = "…" }')
        known = {"column", "via", "mask", "domain", "options"}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"an identity has no {unknown[0]!r}; it has {', '.join(sorted(known))}")
        via = given.get("via", ())
        return cls(
            given["column"],
            (via,) if isinstance(via, str) else tuple(via),
            given.get("mask", ""),
            given.get("domain", ""),
            dict(given.get("options", {})),
        )


@dataclass(frozen=True, slots=True)
class FreeTextOptions:
    """`rest` is what becomes of text that nothing recognised.

    "lorem" (the default): running Latin text about as long. "null": nothing but the pseudonyms is left, NULL where
    there are none. "keep": it stays readable, with whatever it says; for text somebody has read.
    """

    rest: str = "lorem"
    identities: Sequence[Any] | None = None  # None: nobody said; the policy fills in the row's own columns

    def __post_init__(self) -> None:
        if self.rest not in ("keep", "null", "lorem"):
            raise ValueError(f"rest is 'lorem', 'null' or 'keep', not {self.rest!r}")
        if isinstance(self.identities, str):
            raise TypeError("identities is a list")
        for given in self.identities or ():
            Identity.of(given)


class FreeText(Mask):
    """Text with the row's people and every recognised number under their pseudonyms, the rest by choice.

    The default is fail-closed: names of third parties, illnesses and places are in no column and match no pattern.
    Longest values win; overlapping finds are replaced as one.
    """

    name = "free_text"
    summary = (
        "the row's people under their pseudonyms, recognised numbers masked, the rest Latin (option rest)"
    )
    example = ("Call Ana on +351 912 345 678", "Lorem and a pseudonym, dolor and another number")
    families = frozenset({Family.TEXT})
    default_domain = "text"
    Options = FreeTextOptions
    carried = ("own_masks",)
    context_free = False

    def setup(self) -> None:
        self._identities = tuple(Identity.of(given) for given in self.options.identities or ())
        self.own_masks = tuple(self._mask_of(identity) for identity in self._identities)
        self._detected = tuple((recognising(name, self.site, self.keys), find) for name, find in DETECTORS)

    def _mask_of(self, identity: Identity) -> Mask:
        kind = registry.get(identity.mask or "text")
        if Family.TEXT not in kind.families or not kind.context_free:
            raise MaskError(
                f"free_text cannot use the mask {kind.name!r} for the identity {identity.column!r}",
                hint="name the mask of that column's text",
            )
        site = self.site.inside(Site(Family.TEXT, domain=identity.domain))
        return kind(site, self.keys, build_options(kind, identity.options))

    def following(self, masks: Mapping[Input, Mask]) -> FreeText:
        """This mask, using the very masks that stand on its identities' columns."""
        bound = copy(self)
        bound.own_masks = tuple(
            masks.get(identity.input, own)
            for identity, own in zip(self._identities, self.own_masks, strict=True)
        )
        return bound

    def inputs(self) -> tuple[Input, ...]:
        return tuple(identity.input for identity in self._identities)

    def contract(self) -> Contract:
        readable = self.options.rest == "keep"
        return Contract(
            Uniqueness.LOSSY,
            Codomain.SAME if readable else Codomain.POOL,
            max_length=self.site.max_length,
            makes_null=self.options.rest == "null" and self.site.nullable,
            warnings=("text that nothing recognises stays readable",) if readable else (),
        )

    def normalise(self, values: pa.Array) -> pa.Array:
        return values

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        base, lower = folded(values)
        spans, pseudonyms = self._found(base, lower, inputs or {})
        match self.options.rest:
            case "keep":
                masked = replaced(base, spans, pseudonyms)
            case "null":
                masked = self._only(base, spans, pseudonyms)
            case _:
                masked = _in_lorem(base, spans, pseudonyms)
        if self.site.max_length is not None:
            masked = pc.utf8_slice_codeunits(masked, 0, self.site.max_length)
        return masked

    def _found(self, base: Texts, lower: Texts, inputs: Mapping[Input, pa.Array]) -> tuple[Spans, pa.Array]:
        """What is to be replaced, in order, and by what."""
        bare = Unaccented.of(lower)
        groups: list[Spans] = []
        pseudonyms: list[pa.Array] = []
        for identity, mask in zip(self._identities, self.own_masks, strict=True):
            if identity.input not in inputs:
                raise MaskError(
                    f"the mask 'free_text' did not get its identity {identity.column!r}",
                    hint='choose its `identities` anew, or the mask "text"',
                )
            for original, pseudonym in _spoken(mask, strings(inputs[identity.input])):
                wanted = Unaccented.of(Texts.of(needles(original))).texts.array
                spans, rows = find_own(bare.texts, wanted)
                groups.append(bare.back(spans))
                pseudonyms.append(pseudonym.take(pa.array(rows)))
        for mask, find in self._detected:
            spans = find(base.array)
            found = base.slices(spans.starts, spans.ends)
            groups.append(spans)
            pseudonyms.append(strings(mask.mask(email.plain(found) if mask.name == "email" else found)))
        spans, longest = united(groups)
        return spans, pa.concat_arrays(pseudonyms).take(pa.array(longest)).fill_null("")

    def _only(self, base: Texts, spans: Spans, pseudonyms: pa.Array) -> pa.Array:
        counts = np.bincount(base.rows(spans.starts), minlength=len(base))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        lists = pa.ListArray.from_arrays(pa.array(offsets), pseudonyms.cast(pa.string()))
        joined = strings(pc.binary_join(lists, " "))
        nothing = pa.scalar(None if self.site.nullable else "", pa.large_string())
        return pc.if_else(pa.array(counts > 0), joined, nothing)


def _spoken(mask: Mask, original: pa.Array) -> list[tuple[pa.Array, pa.Array]]:
    """What a text may call the value of a column, and what it is called then: itself, and each word of a name."""
    masked = mask.mask(original)
    pairs = [(original, masked)]
    if mask.name not in _NAMES or len(original) == 0:
        return pairs
    words, made = Words.of(original), Words.of(masked)
    named = ~words.kept & (words.counts > 1)[words.rows]
    every = np.ones(len(made.rows), np.bool_)
    # Where the numbers of words differ (a cut, a suffix), one word becomes the whole pseudonym.
    alike = pa.array(words.counts == made.counts)
    return pairs + [
        (words.at(place, named), pc.if_else(alike, made.at(place, every), masked))
        for place in range(int(words.counts.max(initial=0)))
    ]


@cache
def _lorem() -> tuple[pa.Array, pa.Array]:
    """Running text of exactly 0, 1, … characters as far as words allow; and a block of `_BLOCK` characters."""
    words = pool("lorem").to_pylist()
    running = " ".join(words * (_BLOCK * 2 // len(" ".join(words)) + 1)).capitalize()
    short = ["", "a", "et", "sit", "amet"]
    table = short + [running[: i + 1].rpartition(" ")[0] for i in range(len(short), _BLOCK + 1)]
    return pa.array(table, pa.large_string()), pa.array([table[_BLOCK - 1] + " "], pa.large_string())


def _in_lorem(base: Texts, spans: Spans, pseudonyms: pa.Array) -> pa.Array:
    """The pseudonyms in their places, running text of at most the same length between them."""
    parts = cut(base, spans)
    table, block = _lorem()
    outside = parts.outside
    lengths = pc.utf8_length(parts.pieces.filter(pa.array(outside))).to_numpy().astype(np.int64)
    # One blank towards each neighbouring pseudonym is part of the length.
    first = np.zeros(len(parts.pieces), np.bool_)
    first[parts.offsets[:-1]] = True
    last = np.zeros(len(parts.pieces), np.bool_)
    last[parts.offsets[1:] - 1] = True
    before, after = ~first[outside], ~last[outside]
    room = np.maximum(lengths - before - after, 0)
    text = table.take(pa.array(room % _BLOCK))
    if (room >= _BLOCK).any():
        blocks = pc.binary_repeat(
            block.take(pa.array(np.zeros(len(room), np.int64))), pa.array(room // _BLOCK)
        )
        text = pc.binary_join_element_wise(blocks, text, pa.scalar("", pa.large_string()))
    blank, nothing = (pa.scalar(s, pa.large_string()) for s in (" ", ""))
    left = pc.if_else(pa.array(before & (lengths > 0) & (after | (room > 0))), blank, nothing)
    right = pc.if_else(pa.array(after & (lengths > 0) & (~before | (room > 0))), blank, nothing)
    text = pc.binary_join_element_wise(left, text, right, nothing)
    pieces = pc.replace_with_mask(parts.pieces, pa.array(outside), text)
    if len(spans):
        pieces = pc.replace_with_mask(pieces, pa.array(~outside), pseudonyms)
    return parts.joined(pieces)
