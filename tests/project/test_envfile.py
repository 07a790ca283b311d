"""`.env` gives the exact values people put there, and keeps what it has."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import ConfigError
from penstock.project import envfile


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("P=aB1!#!@", "aB1!#!@"),
        ("P=123!#!@", "123!#!@"),
        ("P=#starts", "#starts"),
        ("P='a b'", "a b"),
        ('P="a b"', "a b"),
        ('P="a\\"b"', 'a"b'),
        ("P='it\\'s'", "it's"),
        ("P=$HOME", "$HOME"),
        ("P=${HOME}", "${HOME}"),
        ("P='${HOME}'", "${HOME}"),
        ("P=a=b==", "a=b=="),
        ("export P=x", "x"),
        ("P = spaced ", "spaced"),
        ("P=", ""),
        ("P=a # comment", "a"),
        ("P=pässwört€", "pässwört€"),
        ("P='back\\\\slash'", "back\\slash"),
        ("P=back\\slash", "back\\slash"),
        ("P='two\nlines'", "two\nlines"),
    ],
)
def test_a_value_is_read_exactly(line: str, value: str) -> None:
    assert envfile.parse(f"A=1\n{line}\nB=2\n")["P"].value == value


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    found = envfile.parse("# comment\n\nA=1\n\n\nB='two\nlines'\nC=3\n")
    assert {name: line.line for name, line in found.items()} == {"A": 3, "B": 6, "C": 8}


def test_a_line_that_cannot_be_read_is_an_error_with_its_number_and_without_its_text() -> None:
    with pytest.raises(ConfigError) as caught:
        envfile.parse("A=1\nPASSWORD='canary-unclosed\n")
    assert ".env:2" in caught.value.what
    assert "canary" not in str(caught.value.as_dict())


def test_the_last_of_two_assignments_wins() -> None:
    assert envfile.parse("A=1\nA=2\n")["A"].value == "2"


def test_an_absent_file_has_no_variables(tmp_path: Path) -> None:
    assert envfile.read(tmp_path / ".env") == {}


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("\ufeffA=1\r\nB=2\r\n".encode())
    assert {name: line.value for name, line in envfile.read(tmp_path / ".env").items()} == {
        "A": "1",
        "B": "2",
    }


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe\n")
    with pytest.raises(ConfigError):
        envfile.read(tmp_path / ".env")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_value_that_is_written_is_read_back(value: str) -> None:
    assert envfile.parse(f"P={envfile.quoted(value)}\nQ=1\n")["P"].value == value
    assert envfile.parse(f"P={envfile.quoted(value)}\nQ=1\n")["Q"].value == "1"


def test_a_new_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert envfile.append(path, {"A": "1", "B": "2"}) == ["A", "B"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_appending_touches_nothing_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    before = "# mine\nA='odd  spacing'   # kept\nB=no newline at the end"
    path.write_text(before)
    assert envfile.append(path, {"A": "other", "C": "3"}, comments={"C": "new"}) == ["C"]
    assert path.read_text() == before + "\n# new\nC=3\n"


def test_the_values_are_not_in_the_repr() -> None:
    assert "canary" not in repr(envfile.parse("P=canary\n"))
