"""`constant`: the same value in every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness

_TRUTH = {True: "t", False: "f"}


@dataclass(frozen=True, slots=True)
class ConstantOptions:
    """`value` is PostgreSQL's spelling of the value; `keep_null = false` writes it over NULL as well."""

    value: str | int | float | bool = ""
    keep_null: bool = True


class Constant(Mask):
    """One value for all, written over the empty string too."""

    name = "constant"
    summary = "the same value in every row (option value)"
    example = ("anything", "the option's value")
    families = frozenset(Family)
    Options = ConstantOptions

    def setup(self) -> None:
        value = self.options.value
        if not isinstance(value, str | int | float):
            raise MaskError(
                "the value of the mask 'constant' is neither text nor a number nor a truth value",
                hint='value = "n/a", value = 0 or value = false',
            )
        self._value = _TRUTH[value] if isinstance(value, bool) else str(value)
        site = self.site
        if site.max_length is not None and len(self._value) > site.max_length:
            raise MaskError(
                f"the constant has {len(self._value)} characters, the column holds {site.max_length}",
                hint="shorten the value",
            )
        if site.labels and self._value not in site.labels:
            raise MaskError(
                "the constant is no label of the enum", hint=f"its labels: {', '.join(site.labels)}"
            )
        if site.family is Family.INTEGER:
            self._check_integer()

    def _check_integer(self) -> None:
        try:
            number = int(self._value)
        except ValueError:
            raise MaskError(
                "the constant is no whole number, the column holds nothing else", hint="value = 0"
            ) from None
        low, high = self.site.minimum, self.site.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            raise MaskError(f"the constant does not fit the column: {low} to {high}", hint="value = 0")

    def contract(self) -> Contract:
        return Contract(
            Uniqueness.LOSSY,
            Codomain.CONSTANT,
            max_length=len(self._value),
            keeps_null=self.options.keep_null,
            keeps_empty=False,
            collision_bits=0,
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return pa.repeat(pa.scalar(self._value, pa.large_string()), len(values))
