"""The page on JSON output shows the fields the commands print."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from penstock.cli import COMMANDS
from tests.cli.json_page import EXAMPLES, differences
from tests.cli.running import Penstock, WriteProject
from tests.conftest import MakeDatabase
from tests.devdb.small_shop import DEVDB, MASKS, PERSONAL, SHOP
from tests.servers import Database, Server


def shape(value: Any) -> Any:
    """The names and types of a document, without its values; of a list, its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def commands(command: click.Command, path: str) -> Iterator[str]:
    """The commands at and below this one that have --json."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, f"{path} {name}")
    elif any("--json" in parameter.opts for parameter in command.params):
        yield path


def test_every_command_with_json_has_its_section_and_no_other_has() -> None:
    known = {
        path
        for name in COMMANDS
        for path in commands(importlib.import_module(f"penstock.cli.{name}").command, f"penstock {name}")
    }
    shown = {heading.partition(" --")[0] for heading in EXAMPLES if heading.startswith("penstock ")}
    assert shown == known


@pytest.mark.parametrize(
    "command", [["doctor"], ["conn", "list"], ["conn", "test"], ["config", "show"]], ids=" ".join
)
def test_a_command_prints_what_the_page_shows(
    penstock: Penstock, write_project: WriteProject, postgres: Server, command: list[str]
) -> None:
    write_project(postgres.maintenance)
    printed, example = penstock(*command, "--json").json, EXAMPLES[f"penstock {' '.join(command)}"]
    for document in (printed, example):
        for check in document.get("checks", []):
            check.update(connection="", fix="")
    assert shape(printed) == shape(example)


def test_init_prints_what_the_page_shows(penstock: Penstock) -> None:
    done = penstock("init", "--no-input", "--source", "postgresql://u@h/d", "--json")
    assert shape(done.json) == shape(EXAMPLES["penstock init"])


@pytest.mark.parametrize("arguments", [["conn", "list"], ["docter"], ["conn", "test", "--no-such-option"]])
def test_any_error_is_what_the_page_shows(penstock: Penstock, arguments: list[str]) -> None:
    done = penstock(*arguments, "--json")
    assert shape(done.json) == shape(EXAMPLES["An error"])
    assert done.json["error"]["exit_code"] == done.code == 2


class Shop:
    """A project over the small shop, whose commands are held against the page."""

    def __init__(self, folder: Path, copy: Database, penstock: Penstock) -> None:
        self.folder = folder
        self.copy = copy
        self.penstock = penstock

    def show(self, *command: str, arguments: tuple[str, ...] = (), code: int = 0) -> Any:
        typed = [
            word for word in command if word != "--to"
        ]  # of `create --to DESTINATION` the arguments tell the rest
        done = self.penstock(*typed, *arguments, "--json")
        assert done.code == code, done.err + done.out
        assert not any(value in done.out for value in PERSONAL)
        assert list(differences(done.json, EXAMPLES[f"penstock {' '.join(command)}"])) == []
        return done.json

    def decide(self, text: str) -> None:
        (self.folder / "masks.toml").write_text(text)


@pytest.fixture
def shop(
    make_database: MakeDatabase,
    write_project: WriteProject,
    free_name: Callable[[], str],
    penstock_here: Penstock,
) -> Shop:
    source, name = make_database(SHOP), free_name()
    folder = write_project(source, extra=f"[devdb.small]\ndatabase = '{name}'\n{DEVDB}")
    return Shop(folder, source.server.database(name), penstock_here)


def test_the_commands_about_masks_print_what_the_page_shows(shop: Shop) -> None:
    assert shop.show("masks", "list", "--columns")["undecided"]
    assert shop.show("masks", "check", code=1)["undecided"]
    assert shop.show("discover", arguments=("--dry-run",))["proposals"]
    shop.decide(MASKS.replace('nick = "text"', 'nick = "constant"') + "[public.gone]\nx = 'text'\n")
    checked = shop.show("masks", "check", code=1)
    assert checked["violations"]
    assert checked["without_column"]
    shop.decide(MASKS)
    assert shop.show("masks", "list")["masks"]
    assert shop.show("masks", "list", "--columns")["columns"]
    assert shop.show("masks", "preview")["columns"][0]["samples"]
    (shop.folder / "masks.csv").write_text(shop.penstock("masks", "export").out)
    assert shop.show("masks", "import", arguments=("masks.csv",))["read"] == 5


def test_the_commands_about_development_databases_print_what_the_page_shows(shop: Shop) -> None:
    assert shop.show("dev", "plan", arguments=("small",), code=4)["refusals"]
    shop.decide(MASKS)
    assert shop.show("dev", "plan", arguments=("small",))["edges"]
    assert shop.show("dev", "create", arguments=("small",))["verification"]["passed"]
    files = ("small", "--to", str(shop.folder / "files"))
    assert shop.show("dev", "create", "--to", arguments=files)["tables"] == 3
    assert shop.show("dev", "refresh", arguments=("small",))["verification"]["passed"]
    added = shop.show("dev", "add", arguments=("small", "--root", "public.customer:id = 30"))
    assert added["inserted"]["public.customer"] == 1
    assert shop.show("dev", "why", arguments=("small", "public.customer", "3"))["steps"]
    assert shop.show("dev", "list")["databases"][0]["state"] == "ready"
    assert shop.show("dev", "verify", arguments=("small",))["passed"]
    assert shop.show("dev", "drift", arguments=("small",))["drifted"] is False
    assert shop.show("dev", "ci", arguments=("small", "--on", "github"))["secrets"]
    shop.copy.execute(
        "UPDATE customer SET name = 'Zebulon Quartermaine 3' WHERE id = 3",
        "DELETE FROM orders WHERE id = (SELECT max(id) FROM orders)",
    )
    found = shop.show("dev", "verify", arguments=("small",), code=1)
    assert found["leaks"]["leaks"]
    assert found["integrity"]["problems"]


def test_the_commands_about_the_life_of_databases_print_what_the_page_shows(shop: Shop) -> None:
    shop.decide(MASKS)
    assert shop.penstock("dev", "create", "small", "--template").code == 0
    copied = shop.show("dev", "create", "--from-template", arguments=("small",))
    assert copied["rows"]
    shop.copy.execute("CREATE TABLE mine ()", "ALTER TABLE orders ADD COLUMN mine int")
    reset = shop.show("dev", "reset", arguments=("small", "--keep-extra", "--yes", "--grace", "0s"))
    assert (reset["kept"], reset["lost"]) == (
        ["table public.mine"],
        ["table column public.orders.mine (new)"],
    )
    toml = shop.folder / "penstock.toml"
    toml.write_text(toml.read_text().replace("[devdb.small]", "[devdb.small]\nschedule = 'every hour'"))
    shop.copy.execute("UPDATE penstock.manifest SET created_at = created_at - interval '1 day'")
    assert shop.show("dev", "reset", "--due", arguments=("--grace", "0s"), code=4)["failed"]
    assert shop.show("dev", "reset", "--due", arguments=("--grace", "0s", "--yes"))["reset"]
    shop.copy.server.drop(f"{shop.copy.name}__template")
