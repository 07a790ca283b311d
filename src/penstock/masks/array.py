"""`array`: element by element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.build import build, spec_by_family
from penstock.masks.contract import Contract, Input, Mask
from penstock.masks.parts.literals import array_elements, written_element


@dataclass(frozen=True, slots=True)
class ArrayOptions:
    """`element` is the mask of the elements: a name, or a table with the key `mask`. Default: by the elements' type."""

    element: str | Mapping[str, Any] = ""


class Array(Mask):
    """The elements of an array, masked by an inner mask; dimensions, bounds, order and NULL elements stay."""

    name = "array"
    summary = "each element by an inner mask (option element)"
    example = ("{ana@shop.example,NULL}", "{uuid@uuid.example,NULL}")
    families = frozenset({Family.ARRAY})
    Options = ArrayOptions

    def setup(self) -> None:
        element = self.site.element
        if element is None:
            raise MaskError(f"the elements of {self.site.type_name} are not known", hint='the mask "null"')
        element = replace(self.site.inside(element), domain=self.site.domain)
        spec = self.options.element or spec_by_family(element)
        if spec is None:
            raise MaskError(
                f"nothing is known to mask elements of type {element.type_name}",
                hint='{ mask = "array", element = "…" }, or the mask "null"',
            )
        self.element = build(spec, element, self.keys)
        self.inner = (self.element,)
        self.context_free = self.element.context_free
        # Of all built-in types only box has another delimiter (pg_type.typdelim).
        self._delimiter = ";" if element.type_name == "box" else ","

    def contract(self) -> Contract:
        inner = self.element.contract()
        return Contract(
            inner.uniqueness,
            inner.codomain,
            keeps_length=False,
            keeps_format=inner.keeps_format,
            collision_bits=inner.collision_bits,
            warnings=inner.warnings,
        )

    def inputs(self) -> tuple[Input, ...]:
        return self.element.inputs()

    def by_domain(self, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
        return self.element.by_domain(array_elements(values, self._delimiter).contents)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        parts = array_elements(values, self._delimiter)
        masked = self.element.mask(parts.contents, of_rows(inputs, parts.rows))
        return parts.written(written_element(masked, self._delimiter))


def of_rows(inputs: Mapping[Input, pa.Array] | None, rows: Any) -> Mapping[Input, pa.Array] | None:
    """The inputs of the rows that parts of values come from."""
    return {wish: given.take(pa.array(rows)) for wish, given in inputs.items()} if inputs else None
