"""The page on the project file names every key there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import penstock.devdb.config  # noqa: F401  registers [devdb.NAME]
from penstock.project.schema import project_schema
from tests.servers import REPOSITORY

PAGE = (REPOSITORY / "docs" / "project-file.md").read_text(encoding="utf-8")


def documented() -> dict[str, set[str]]:
    """The keys in the first column of the table below each heading that is a TOML header."""
    sections = re.split(r"^#+ `\[+([\w.]+)\]+`$", PAGE, flags=re.MULTILINE)[1:]
    return {
        heading: set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))
        for heading, text in zip(sections[::2], sections[1::2], strict=True)
    }


def tables(name: str, schema: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Every table of the file with its keys, lists of tables apart."""
    keys = set()
    for key, inner in schema["properties"].items():
        if "properties" in inner.get("items", {}):
            yield from tables(f"{name}.{key}", inner["items"])
        elif "properties" in inner:
            yield from tables(f"{name}.{key}", inner)
        else:
            keys.add(key)
    yield name, keys


def test_every_key_is_on_the_page_and_nothing_else() -> None:
    properties = project_schema()["properties"]
    expected = dict(tables("project", properties.pop("project")))
    for name in ("connections", "devdb"):
        expected |= dict(tables(f"{name}.NAME", properties[name]["additionalProperties"]))
    assert documented() == expected
