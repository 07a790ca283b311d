"""The reference of masks, made from the registry: what `penstock masks list` and docs/masks.md say."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from penstock.catalog.types import Family
from penstock.masks.contract import Mask
from penstock.masks.registry import masks
from penstock.policy.defaults import BY_TYPE

BEGIN = "<!-- made by `python -m penstock.policy.reference`: begin -->"
END = "<!-- made by `python -m penstock.policy.reference`: end -->"


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


def markdown() -> str:
    """The generated part of docs/masks.md: every mask, and the table of `unclassified = "mask"`."""
    parts = [BEGIN, ""]
    for mask in masks().values():
        parts += _section(mask)
    parts += ['## What `unclassified = "mask"` does', "", "| type | mask |", "|---|---|"]
    parts += [f"| {family} | `{name}` |" for family, name in sorted(BY_TYPE.items())]
    rest = ", ".join(
        sorted(str(f) for f in (Family.BINARY, Family.XML, Family.GEOMETRY, Family.RANGE, Family.OTHER))
    )
    parts += [
        f"| {rest} | `null`; where NOT NULL, an empty value as `constant`; refused where no empty value is known |",
        "| search (tsvector) | rebuilt by its trigger; else emptied |",
        "",
        END,
    ]
    return "\n".join(parts) + "\n"


def _section(mask: type[Mask]) -> list[str]:
    about = described(mask)
    lines = [f"### `{mask.name}`", "", f"{mask.summary[0].upper()}{mask.summary[1:]}.", ""]
    lines += [f"`{about['input']}` becomes {about['output']}.", ""]
    everything = len(about["families"]) == len(Family)
    lines += [
        f"Types: {'all' if everything else ', '.join(about['families'])}. Domain: `{about['domain']}`.",
        "",
    ]
    if about["reads_other_columns"]:
        lines += ["Reads other columns of the row, so it cannot stand on keys.", ""]
    if about["options"]:
        lines += ["| option | default |", "|---|---|"]
        lines += [f"| `{name}` | `{_toml(default)}` |" for name, default in about["options"].items()]
        lines += [""]
    return lines


def _toml(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def with_reference(text: str) -> str:
    """docs/masks.md with its generated part made anew."""
    head, _, rest = text.partition(BEGIN)
    return head + markdown().rstrip("\n") + rest.partition(END)[2]


if __name__ == "__main__":
    from pathlib import Path

    page = Path(__file__).parents[3] / "docs" / "masks.md"
    page.write_text(with_reference(page.read_text(encoding="utf-8")), encoding="utf-8")
