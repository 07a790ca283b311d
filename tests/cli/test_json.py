"""The page on JSON output shows the fields the commands print."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.cli.running import Penstock, WriteProject
from tests.servers import REPOSITORY, Server

PAGE = (REPOSITORY / "docs" / "json.md").read_text(encoding="utf-8")
EXAMPLES = {
    heading: json.loads(example)
    for heading, example in re.findall(
        r"^## ([^\n]+)\n.*?```json\n(.*?)```", PAGE, flags=re.DOTALL | re.MULTILINE
    )
}


def shape(value: Any) -> Any:
    """The names and types of a document, without its values; of a list, its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.mark.parametrize(
    "command", [["doctor"], ["conn", "list"], ["conn", "test"], ["config", "show"]], ids=" ".join
)
def test_a_command_prints_what_the_page_shows(
    penstock: Penstock, write_project: WriteProject, postgres: Server, command: list[str]
) -> None:
    write_project(postgres.maintenance)
    printed, example = penstock(*command, "--json").json, EXAMPLES[f"`penstock {' '.join(command)}`"]
    for document in (printed, example):
        for check in document.get("checks", []):
            check.update(connection="", fix="")
    assert shape(printed) == shape(example)


def test_init_prints_what_the_page_shows(penstock: Penstock) -> None:
    done = penstock("init", "--no-input", "--source", "postgresql://u@h/d", "--json")
    assert shape(done.json) == shape(EXAMPLES["`penstock init`"])


@pytest.mark.parametrize("arguments", [["conn", "list"], ["docter"], ["conn", "test", "--no-such-option"]])
def test_any_error_is_what_the_page_shows(penstock: Penstock, arguments: list[str]) -> None:
    done = penstock(*arguments, "--json")
    assert shape(done.json) == shape(EXAMPLES["An error"])
    assert done.json["error"]["exit_code"] == done.code == 2
