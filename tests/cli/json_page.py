"""docs/json.md as data, and how a printed document differs from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.servers import REPOSITORY

PAGE = (REPOSITORY / "docs" / "json.md").read_text(encoding="utf-8")
EXAMPLES = {
    heading.strip("`"): json.loads(example)
    for heading, example in re.findall(
        r"^## ([^\n]+)\n.*?```json\n(.*?)```", PAGE, flags=re.DOTALL | re.MULTILINE
    )
}


def differences(printed: Any, example: Any, at: str = "") -> Iterator[str]:
    """Where a document is not what the page shows. A list that is empty in print says nothing."""
    if isinstance(example, str) and example.startswith("→ "):
        example = EXAMPLES[example.removeprefix("→ ")]
        if at.endswith(".verification"):
            example = {key: value for key, value in example.items() if key not in ("name", "database")}
    if isinstance(printed, dict) and isinstance(example, dict):
        if not all(
            key.isidentifier() for key in example
        ):  # names of tables and kinds of checks, not of fields
            for key, inner in printed.items():
                yield from differences(inner, next(iter(example.values())), f"{at}.{key}")
        elif printed.keys() != example.keys():
            yield f"{at}: {sorted(printed.keys() ^ example.keys())}"
        else:
            for key, inner in printed.items():
                yield from differences(inner, example[key], f"{at}.{key}")
    elif isinstance(printed, list) and isinstance(example, list):
        if printed and not example:
            yield f"{at}: the page shows no element"
        elif printed:
            yield from differences(printed[0], example[0], f"{at}[0]")
    elif type(printed) is not type(example):
        yield f"{at}: {type(printed).__name__} in print, {type(example).__name__} on the page"
