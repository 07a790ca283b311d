"""A project folder to write into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.project import redact
from penstock.project.settings import ProjectSettings, load

KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"


@pytest.fixture(autouse=True)
def _no_outside_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the machine's user has set must not decide a test."""
    for name in ("PGPASSWORD", "PGUSER", "PENSTOCK_PROJECT", "PENSTOCK_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "no-pgpass"))


@pytest.fixture(autouse=True)
def _a_scrubber_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up secrets of one test must not be scrubbed out of another's text."""
    monkeypatch.setattr(redact, "_secrets", set())
    monkeypatch.setattr(redact, "_spelled", ())


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., ProjectSettings]:
    """Write penstock.toml (and `.env`), load it."""

    def make(toml: str, env: str = f"PENSTOCK_KEY={KEY}\n", **flags: str) -> ProjectSettings:
        (tmp_path / "penstock.toml").write_text(toml)
        (tmp_path / ".env").write_text(env)
        return load(tmp_path, flags={key.replace("__", "."): value for key, value in flags.items()})

    return make
