"""Masks as data: what `penstock masks list` says."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from penstock.masks.contract import Mask


def described(mask: type[Mask]) -> dict[str, Any]:
    """A mask as data: name, summary, example, families, options with their defaults, domain."""
    return {
        "name": mask.name,
        "summary": mask.summary,
        "input": mask.example[0],
        "output": mask.example[1],
        "families": sorted(str(family) for family in mask.families),
        "options": {field.name: _default(field) for field in fields(mask.Options)},
        "domain": mask.default_domain or mask.name,
        "reads_other_columns": not mask.context_free,
    }


def _default(field: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else "required"
