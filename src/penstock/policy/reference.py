"""Masks as data: what `penstock masks list` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from penstock.masks.contract import Mask


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """A mask without its code: an example, the type families it takes, its options with their defaults."""

    name: str
    summary: str
    input: str
    output: str
    families: tuple[str, ...]
    options: Mapping[str, Any]
    domain: str
    reads_other_columns: bool


def described(mask: type[Mask]) -> MaskFacts:
    return MaskFacts(
        name=mask.name,
        summary=mask.summary,
        input=mask.example[0],
        output=mask.example[1],
        families=tuple(sorted(str(family) for family in mask.families)),
        options={field.name: _default(field) for field in fields(mask.Options)},
        domain=mask.default_domain or mask.name,
        reads_other_columns=not mask.context_free,
    )


def _default(field: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else "required"
