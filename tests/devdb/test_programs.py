"""The programs a run starts (pg_dump, pg_restore) learn no more than they need."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from penstock.devdb.building import tools
from tests.devdb.conftest import KEY, Folder


def test_no_program_gets_the_projects_key(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_KEY", KEY)
    monkeypatch.setenv("PENSTOCK_KEY_FILE", "/nowhere")
    monkeypatch.setenv("PGPASSWORD", "of something else")
    given: list[dict[str, str]] = []
    real = subprocess.run

    def run(command: Any, *arguments: Any, **named: Any) -> Any:
        given.append(named["env"])
        return real(command, *arguments, **named)

    monkeypatch.setattr(tools.subprocess, "run", run)
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    assert len(given) > 2
    for environment in given:
        assert not {"PENSTOCK_KEY", "PENSTOCK_KEY_FILE"} & environment.keys()
        assert environment.get("PGPASSWORD") != "of something else"
