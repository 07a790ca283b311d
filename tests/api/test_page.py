"""docs/api.md: its examples run, on a real server, and it names everything there is."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import click
import pytest

import penstock
from penstock.cli import COMMANDS
from tests.conftest import MakeDatabase
from tests.devdb.small_shop import PERSONAL, SHOP
from tests.servers import REPOSITORY, Database

PAGE = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
TABLE = re.findall(
    r"^\| (.*?) \| (.+?) \| (.*?) ?\|$", PAGE.partition("## All of it")[2], flags=re.MULTILINE
)[1:]


def url(database: Database) -> str:
    server = database.server
    secret = f":{quote(server.password, safe='')}" if server.password else ""
    return f"postgresql://{quote(server.user)}{secret}@{server.host}:{server.port}/{database.name}"


def test_the_examples_run_from_init_to_drop(
    make_database: MakeDatabase,
    free_name: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PENSTOCK_KEY", raising=False)
    source, name = make_database(SHOP), free_name()
    known = {"PRODUCTION": url(source), "SERVER": url(source.server.maintenance)}
    for number, example in enumerate(EXAMPLES):
        exec(compile(example.replace("shop_dev", name), f"docs/api.md, example {number}", "exec"), known)
    assert (known["made"].plan.database, known["made"].rows) == (name, known["plan"].rows)
    assert known["added"].inserted["public.customer"] == 1
    said = capsys.readouterr()
    assert "PEN-4400" in said.out
    assert "verify done" in said.out
    assert said.err == ""
    assert not any(value in said.out for value in (*PERSONAL, source.server.password or "no password"))
    assert name not in source.server.names()


def test_nothing_but_the_examples_prints(
    make_database: MakeDatabase,
    free_name: Callable[[], str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = make_database(SHOP)
    penstock.init(tmp_path, source=url(source), target=url(source.server.maintenance), database=free_name())
    project = penstock.Project.load(tmp_path)
    penstock.doctor(tmp_path)
    project.test_connections()
    project.discover()
    project.check_masks()
    project.preview_masks()
    assert capfd.readouterr() == ("", "")


def commands(command: click.Command, path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, f"{path} {name}")
    else:
        yield path


def test_the_table_has_every_command() -> None:
    there = {
        path
        for name in COMMANDS
        for path in commands(importlib.import_module(f"penstock.cli.{name}").command, f"penstock {name}")
    }
    told = {
        command for row in TABLE for command in re.findall(r"`(penstock [a-z ]+?)(?: --[a-z]+)?`", row[0])
    }
    assert told == there - {"penstock demo"}


def test_the_table_has_every_call_and_what_it_returns() -> None:
    for _, call, returned in TABLE:
        owner, method = re.match(r"`(\w+)\.(\w+)\(", call).groups()
        found = getattr(penstock if owner == "penstock" else penstock.Project, method)
        annotation = str(inspect.signature(found).return_annotation)
        type_name = re.search(r"`([\w\[\]]+)`", returned)
        assert annotation.startswith(type_name[1] if type_name else "None"), call
    told = {method for _, call, _ in TABLE for method in re.findall(r"[pP]roject\.(\w+)\(", call)}
    there = {
        name for name in dir(penstock.Project) if callable(getattr(penstock.Project, name)) and name[0] != "_"
    }
    assert told == there - {"load"}


def test_the_types_can_be_imported_from_the_package() -> None:
    types = {name for row in TABLE for name in re.findall(r"\b[A-Z][A-Za-z]+\b", row[2])} - {
        "JSON",
        "Schema",
        "CSV",
    }
    assert len(types) > 10
    assert types <= set(penstock.__all__)
