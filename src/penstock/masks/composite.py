"""`composite`: field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow as pa

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.array import of_rows
from penstock.masks.build import build, spec_by_family
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness
from penstock.masks.parts.literals import record_fields, written_field


@dataclass(frozen=True, slots=True)
class CompositeOptions:
    """`fields` gives a mask per field; a field that is not listed is masked by its type."""

    fields: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.fields, Mapping):
            raise TypeError('fields is a table such as { path = "path" }')


class Composite(Mask):
    """The fields of a composite type, each by its own mask: an S3 object keeps its bucket while its path is masked.

    A NULL field stays NULL, and an empty one empty. Fields nobody listed are masked by their type, numbers too, as
    columns are with `unclassified = "mask"`; what is to stay is listed with `keep`.
    """

    name = "composite"
    summary = "each field of a composite type by its own mask (option fields)"
    example = ("(invoices,ana/2024.pdf,eu-west-1)", "(invoices,<masked path>.pdf,eu-west-1)")
    families = frozenset({Family.COMPOSITE})
    Options = CompositeOptions

    def setup(self) -> None:
        sites = dict(self.site.fields)
        if not sites:
            raise MaskError(f"the fields of {self.site.type_name} are not known", hint='the mask "null"')
        for name in self.options.fields:
            if name not in sites:
                close = get_close_matches(name, sites, n=1)
                raise MaskError(
                    f"{self.site.type_name} has no field {name!r}",
                    hint=f"did you mean {close[0]!r}?" if close else f"its fields: {', '.join(sites)}",
                )
        self.inner = []
        undecided = []
        for name, site in sites.items():
            spec = self.options.fields.get(name) or spec_by_family(site)
            if spec is None:
                undecided.append(name)
            else:
                self.inner.append(build(spec, self.site.inside(site), self.keys))
        self.context_free = all(mask.context_free for mask in self.inner)
        if undecided:
            raise MaskError(
                f"nothing is known to mask these fields of {self.site.type_name}: {', '.join(undecided)}",
                hint=f'fields = {{ {undecided[0]} = "…" }}',
            )

    def contract(self) -> Contract:
        contracts = [mask.contract() for mask in self.inner]
        levels = {c.uniqueness for c in contracts}
        if Uniqueness.LOSSY in levels:
            uniqueness = Uniqueness.LOSSY
        else:
            uniqueness = Uniqueness.LIKELY if Uniqueness.LIKELY in levels else Uniqueness.INJECTIVE
        codomains = {c.codomain for c in contracts}
        return Contract(
            uniqueness,
            # A field that is NULL survives as NULL: the whole is fresh only where no part can stay.
            codomains.pop() if len(codomains) == 1 else Codomain.PERMUTATION,
            collision_bits=min(c.collision_bits for c in contracts),
            warnings=tuple(w for c in contracts for w in c.warnings),
        )

    def inputs(self) -> tuple[Input, ...]:
        return tuple(dict.fromkeys(wish for mask in self.inner for wish in mask.inputs()))

    def by_domain(self, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
        parts = record_fields(values, len(self.inner))
        for place, mask in enumerate(self.inner):
            yield from mask.by_domain(parts.contents.filter(pa.array(parts.places == place)))

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        parts = record_fields(values, len(self.inner))
        if len(parts.places) == 0:
            return values
        masked, order = [], []
        for place, mask in enumerate(self.inner):
            chosen = np.flatnonzero(parts.places == place)
            contents = parts.contents.take(pa.array(chosen))
            masked.append(mask.mask(contents, of_rows(inputs, parts.rows[chosen])))
            order.append(chosen)
        together = pa.concat_arrays(masked).take(pa.array(np.argsort(np.concatenate(order))))
        return parts.written(written_field(together))
