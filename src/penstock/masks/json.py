"""`json`: leaf by leaf, by path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.detect import email
from penstock.detect.spans import Spans, Texts, replaced
from penstock.errors import MaskError
from penstock.masks import registry
from penstock.masks.array import of_rows
from penstock.masks.build import Spec, build, recognising
from penstock.masks.contract import Codomain, Contract, Input, Mask, Site, Uniqueness
from penstock.masks.parts.arrays import I64
from penstock.masks.parts.json_keys import names_a_field
from penstock.masks.parts.json_leaves import KEY, NUMBER, OTHER, STRING, contents, is_json, leaves, tokens
from penstock.masks.parts.json_paths import Decisions, parse_path
from penstock.masks.parts.numbers import masked_numbers

_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_WHOLE = r"^-?[0-9]{1,18}$"
_LARGEST = 10**18 - 1
_KEPT_KEYS: Mapping[str, Callable[[str], bool]] = {
    "fields": names_a_field,
    "keep": lambda _: True,
    "mask": lambda _: False,
}


@dataclass(frozen=True, slots=True)
class JsonOptions:
    """`paths` gives masks to leaves: {"$.customer.email" = "email", "$.items[*].sku" = "keep"}.

    `keys` says which keys of objects stay: "fields" (the default) those that look like names of fields, "keep" all,
    "mask" none. Keys that stand in a path always stay.
    """

    paths: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)
    keys: str = "fields"

    def __post_init__(self) -> None:
        if not isinstance(self.paths, Mapping):
            raise TypeError('paths is a table such as { "$.customer.email" = "email" }')


class Json(Mask):
    """Every leaf of a JSON value: by the mask of its path; where no path says anything, by its type.

    Unlisted strings become text pseudonyms, e-mails among them what they become in their columns; numbers other numbers
    of as many digits; true, false and null stay. Structure, order, duplicate keys and the spelling of what is kept stay
    to the byte. A text column's values that are no JSON are masked as text.

    Keys that look like names of fields stay: letters, `_ - . $`, one colon, at most four digits. Other keys are data, as
    in a dictionary of people by address, and masked like strings (two spellings of one address are then one key). A
    single word (`ana`) may be either, and stays: `keys = "mask"` masks those too, `keys = "keep"` none.

    A path says `[*]` for the elements of an array, `$.*` for any key, `$..email` for that key at any depth, `$.meta.**`
    for everything below, `$['odd key']` for odd keys. It decides about leaves, not about objects that turn up in their
    place. Where several match, the one with the fewest wildcards wins.
    """

    name = "json"
    summary = "every leaf by its path, leaves nobody listed by their type (options paths, keys)"
    example = ('{"email": "ana@shop.example", "n": 7}', '{"email": "uuid@uuid.example", "n": 3}')
    families = frozenset({Family.JSON, Family.TEXT})
    Options = JsonOptions

    def setup(self) -> None:
        if str(self.options.keys) not in _KEPT_KEYS:
            raise MaskError('keys of the mask \'json\' is "fields", "keep" or "mask"', hint='keys = "fields"')
        self.inner = [self._leaf_mask(spec) for spec in self.options.paths.values()]
        self.context_free = all(mask.context_free for mask in self.inner)
        self._decisions = Decisions([parse_path(path) for path in self.options.paths])
        self._named = self._decisions.keys
        self._staying = {i for i, mask in enumerate(self.inner) if mask.name == "keep"}
        own = self.site.inside(Site(Family.TEXT))
        self._text = build("text", own, self.keys)
        self._email = recognising("email", self.site, self.keys)
        self._whole = build("text", replace(own, max_length=self.site.max_length), self.keys)
        self._numbers = self.keys.prf(self.domain, "json number")

    def _leaf_mask(self, spec: Spec) -> Mask:
        name = spec.get("mask") if isinstance(spec, Mapping) else spec
        # What names no mask is for `build` to refuse.
        families = registry.get(name).families if isinstance(name, str) else frozenset({Family.TEXT})
        for family in (Family.TEXT, Family.INTEGER, Family.JSON):
            if family in families:
                site = Site(family, minimum=-_LARGEST, maximum=_LARGEST)
                return build(spec, self.site.inside(site), self.keys)
        raise MaskError(
            f"the mask {name!r} takes neither text nor numbers: a leaf of JSON is no {min(families)}",
            hint='"text", "email", "null" or "keep"',
        )

    def contract(self) -> Contract:
        return Contract(
            Uniqueness.LOSSY,
            Codomain.PERMUTATION,
            max_length=self.site.max_length,
            keeps_format=True,
            collision_bits=0,
        )

    def inputs(self) -> tuple[Input, ...]:
        return tuple(dict.fromkeys(wish for mask in self.inner for wish in mask.inputs()))

    def by_domain(self, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
        """The documents, and what their paths say of their leaves.

        A leaf without a path stays in these very documents only: were every status, city and number of a document real
        in all others, little of those would be masked.
        """
        yield self.domain, values
        texts = Texts.of(self._documents(values))
        found = leaves(texts, self._decisions, self._staying)
        for decision, mask in enumerate(self.inner):
            for kind, said in ((STRING, contents), (NUMBER, _spelled)):
                chosen = found[(found[:, 3] == decision) & (found[:, 2] == kind)]
                yield from mask.by_domain(said(texts, Spans(chosen[:, 0], chosen[:, 1])))

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        documents = self._documents(values)
        masked = self._leaf_by_leaf(documents, inputs)
        if self.site.family is Family.JSON:
            return masked
        valid = documents.is_valid()
        room = self.site.max_length
        if room is not None:
            valid = pc.and_(valid, pc.less_equal(pc.fill_null(pc.utf8_length(masked), 0), room))
        return pc.if_else(valid, masked, self._whole.mask(values))

    def _documents(self, values: pa.Array) -> pa.Array:
        """The values that are JSON; NULL for a text that is none."""
        if self.site.family is Family.JSON:
            return values
        valid = pa.array([v is not None and is_json(v) for v in values.to_pylist()])
        return pc.if_else(valid, values, pa.scalar(None, values.type))

    def _leaf_by_leaf(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None) -> pa.Array:
        texts = Texts.of(values)
        found = leaves(texts, self._decisions, self._staying, keeps_key=self._keeps_key)
        found = found[(found[:, 2] != OTHER) | (found[:, 3] >= 0)]
        if len(found) == 0:
            return values
        parts, order = [], []
        for decision in np.unique(found[:, 3]).tolist():
            for kind in np.unique(found[found[:, 3] == decision, 2]).tolist():
                members = np.flatnonzero((found[:, 3] == decision) & (found[:, 2] == kind))
                parts.append(self._masked(texts, found[members], decision, kind, inputs))
                order.append(members)
        written = pa.concat_arrays(parts).take(pa.array(np.argsort(np.concatenate(order))))
        return replaced(texts, Spans(found[:, 0], found[:, 1]), written)

    def _masked(
        self, texts: Texts, found: I64, decision: int, kind: int, inputs: Mapping[Input, pa.Array] | None
    ) -> pa.Array:
        """The new tokens of leaves that share a decision and a kind."""
        spans = Spans(found[:, 0], found[:, 1])
        mask = self.inner[decision] if decision >= 0 else None
        aligned = of_rows(inputs, texts.rows(spans.starts))
        if kind == KEY:
            return tokens(self._unlisted(contents(texts, spans)))
        if kind == STRING:
            said = contents(texts, spans)
            if mask is None:
                return tokens(self._unlisted(said))
            return tokens(self._fitting(mask, said, self._text.mask(said), aligned))
        literals = _spelled(texts, spans)
        if kind == NUMBER:
            fallback = masked_numbers(self._numbers, literals)
            if mask is None:
                return fallback
            masked = pc.fill_null(self._fitting(mask, literals, fallback, aligned), "null")
            is_number = pc.or_(pc.match_substring_regex(masked, _NUMBER), pc.equal(masked, "null"))
            return pc.if_else(is_number, masked, fallback)
        # true, false, null: only a mask that says the same of every value changes them.
        if mask is not None and mask.contract().makes_null:
            return pa.repeat(pa.scalar("null", pa.large_string()), len(literals))
        return literals

    def _unlisted(self, said: pa.Array) -> pa.Array:
        """E-mails as in their columns, everything else as text."""
        is_email = email.matches(said)
        return pc.replace_with_mask(self._text.mask(said), is_email, self._email.mask(said.filter(is_email)))

    def _keeps_key(self, key: str) -> bool:
        return key in self._named or _KEPT_KEYS[self.options.keys](key)

    @staticmethod
    def _fitting(
        mask: Mask, said: pa.Array, fallback: pa.Array, inputs: Mapping[Input, pa.Array] | None
    ) -> pa.Array:
        """By `mask` what it takes (whole numbers only, JSON only, or anything), by `fallback` the rest."""
        if mask.site.family is Family.TEXT:
            return mask.mask(said, inputs)
        if mask.site.family is Family.INTEGER:
            fits = pc.match_substring_regex(said, _WHOLE)
        else:
            fits = pa.array([is_json(v) for v in said.to_pylist()])
        masked = mask.mask(pc.if_else(fits, said, pa.scalar(None, said.type)), inputs)
        return pc.if_else(fits, masked, fallback)


def _spelled(texts: Texts, spans: Spans) -> pa.Array:
    """The text of number tokens."""
    return texts.slices(spans.starts, spans.ends)
