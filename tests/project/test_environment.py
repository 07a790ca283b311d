"""Variables: environment over `.env`, files for what must not be a variable, and whole values only."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.errors import ConfigError
from penstock.project.environment import Environment, Reference, reference


def environment(tmp_path: Path, env: str = "", **process: str) -> Environment:
    (tmp_path / ".env").write_text(env)
    return Environment(process, tmp_path / ".env")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    found = environment(tmp_path, "A=file\nB=file\n", A="process")
    assert (found.lookup("A").value, found.lookup("A").origin) == ("process", "environment A")
    assert (found.lookup("B").value, found.lookup("B").origin) == ("file", ".env:2")
    assert found.lookup("C") is None


def test_a_variable_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret value\n")
    found = environment(tmp_path, f"A_FILE={tmp_path}/secret\n")
    assert found.lookup("A").value == "s3cret value"
    assert found.lookup("A").origin == "file of A_FILE"


def test_a_missing_secret_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="A_FILE"):
        environment(tmp_path, "A_FILE=/nowhere/at/all\n").lookup("A")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", Reference("A")),
        ("${A:-}", Reference("A", default="")),
        ("${A:-a b}", Reference("A", default="a b")),
        ("${A:?ask Ann}", Reference("A", message="ask Ann")),
        ("plain", None),
        ("$A", None),
        ("", None),
    ],
)
def test_a_reference_is_a_whole_value(text: str, expected: Reference | None) -> None:
    assert reference(text, "x") == expected


@pytest.mark.parametrize(
    "text", ["a${A}", "${A}b", "${A}${B}", "${A:-x}${B:-y}", "${1}", "${A", "${A:+x}", "${A:-${B}}"]
)
def test_a_reference_inside_a_longer_value_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="inside a longer value"):
        reference(text, "connections.prod.url")


@pytest.mark.parametrize(
    ("text", "env", "value"),
    [
        ("${A}", "A=1", "1"),
        ("${A}", "A=", ""),
        ("${A:-d}", "", "d"),
        ("${A:-d}", "A=", "d"),
        ("${A:-d}", "A=1", "1"),
        ("${A:?m}", "A=1", "1"),
    ],
)
def test_references_expand_as_in_a_shell(tmp_path: Path, text: str, env: str, value: str) -> None:
    assert environment(tmp_path, env).expand(reference(text, "x"), "x").value == value


def test_a_missing_variable_names_the_places_that_were_searched_and_a_likely_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        environment(tmp_path, "PROD_PASWORD=canary\n").expand(
            Reference("PROD_PASSWORD"), "connections.prod.password"
        )
    error = caught.value
    assert "connections.prod.password" in error.what
    assert "PROD_PASSWORD" in error.what
    assert str(tmp_path / ".env") in error.why
    assert "PROD_PASWORD" in error.hint
    assert "canary" not in str(error.as_dict())


def test_a_required_variable_gives_the_projects_own_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        environment(tmp_path, "A=\n").expand(Reference("A", message="ask Ann for it"), "x")
    assert caught.value.why == "ask Ann for it"
    assert "empty" in caught.value.what


def test_the_repr_shows_names_only(tmp_path: Path) -> None:
    assert "canary" not in repr(environment(tmp_path, "A=canary\n"))
    assert "canary" not in repr(environment(tmp_path, "A=canary\n").lookup("A"))
