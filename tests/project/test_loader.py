"""A TOML table becomes a dataclass, or an error that names the key, what was expected and what was probably meant."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import ConfigError
from penstock.project import toml_lines
from penstock.project.loader import Place, build


@dataclass(frozen=True, slots=True)
class Root:
    table: str
    limit: int | None = None
    percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Edge:
    from_: str
    to: str = field(default="", metadata={"key": "into"})
    children: bool | int | Literal["always"] = True


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    root: tuple[Root, ...] = ()
    edge: tuple[Edge, ...] = ()
    mode: Literal["subset", "clone"] = "subset"
    keep: tuple[str, ...] = ()
    nested: Root | None = None
    by_name: Mapping[str, Root] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    path: Path = Path("x")
    either: str | tuple[str, ...] = ""
    anything: Any = None

    def __post_init__(self) -> None:
        if self.name == "bad":
            raise ValueError("name may not be bad")


def read(text: str) -> Section:
    lines = toml_lines.index(text)
    place = Place(("s",), lambda keys: f"file:{toml_lines.find(lines, keys)}")
    return build(Section, tomllib.loads(text)["s"], place)


def test_every_kind_of_field_is_read() -> None:
    found = read("""
        [s]
        name = "n"
        mode = "clone"
        keep = ["a", "b"]
        path = "/tmp"
        either = ["x"]
        anything = 2020-01-01
        labels = { a = "1" }
        nested = { table = "t", limit = 1 }
        [s.by_name.one]
        table = "t1"
        [[s.root]]
        table = "r1"
        percent = 3
        [[s.root]]
        table = "r2"
        [[s.edge]]
        from = "a.b"
        into = "c.d"
        children = 20
        [[s.edge]]
        from = "e"
        children = "always"
    """)
    assert found.root == (Root("r1", percent=3.0), Root("r2"))
    assert isinstance(found.root[0].percent, float)
    assert found.edge == (Edge("a.b", "c.d", 20), Edge("e", children="always"))
    assert found.keep == ("a", "b")
    assert found.nested == Root("t", 1)
    assert found.by_name == {"one": Root("t1")}
    assert found.path == Path("/tmp")
    assert found.either == ("x",)
    assert found.mode == "clone"
    assert found.anything.year == 2020


def failure(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return caught.value


def test_an_unknown_key_names_its_line_and_the_likely_one() -> None:
    error = failure('[s]\nname = "n"\nmod = "clone"\n')
    assert error.what == "unknown key s.mod (file:3)"
    assert "'mode'" in error.hint


def test_an_unknown_key_deep_in_a_list_is_found_too() -> None:
    error = failure('[s]\nname = "n"\n[[s.root]]\ntable = "t"\n[[s.root]]\ntabel = "t"\n')
    assert error.what == "unknown key s.root[1].tabel (file:6)"
    assert "'table'" in error.hint


def test_a_key_below_the_wrong_header_is_told_where_it_belongs() -> None:
    error = failure('[s]\nname = "n"\n[[s.root]]\ntable = "t"\nmode = "clone"\n')
    assert "last [header]" in error.why
    assert "[s]" in error.hint


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mode = 1", "'subset'"),
        ("keep = 'a'", "a list of: a text in quotes"),
        ("keep = [1]", "a text in quotes"),
        ("nested = 1", "a table"),
        ("nested = { table = 't', limit = true }", "a whole number"),
        ("nested = { table = 't', limit = 1.5 }", "a whole number"),
        ("labels = { a = 1 }", "a text in quotes"),
        ("path = 1", "a path in quotes"),
        ("either = 1", "a text in quotes or a list"),
        ("root = [1]", "a table"),
    ],
)
def test_a_wrong_type_says_what_was_expected(line: str, expected: str) -> None:
    error = failure(f"[s]\nname = 'n'\n{line}\n")
    assert "file:3" in error.what
    assert expected in error.why


def test_an_unknown_choice_suggests_the_nearest() -> None:
    error = failure("[s]\nname = 'n'\nmode = 'clon'\n")
    assert "'clone'" in error.hint


def test_a_missing_key_is_named() -> None:
    assert "'name'" in failure("[s]\n").what
    assert "'table'" in failure("[s]\nname='n'\nnested = {}\n").what


def test_a_check_of_the_dataclass_itself_is_a_configuration_error() -> None:
    assert "may not be bad" in failure("[s]\nname = 'bad'\n").what


@pytest.mark.parametrize(
    "line",
    ["mode = '${M}'", "keep = ['a', '${K}']", "labels = { a = '${L}' }", "nested = { table = '${T}' }"],
)
def test_a_variable_in_a_field_that_does_not_expand_it_is_refused(line: str) -> None:
    error = failure(f"[s]\nname = 'n'\n{line}\n")
    assert "not expanded" in error.what
    assert "file:3" in error.what


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["${A}", "always", "subset"]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["name", "table", "root", "edge", "x"]), inner)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["name", "root", "edge", "mode", "keep", "nested", "by_name", "labels", "path", "either", "odd"]
        ),
        VALUES,
    )
)
def test_whatever_the_file_holds_is_read_or_a_configuration_error(table: dict[str, Any]) -> None:
    try:
        build(Section, table, Place(("s",)))
    except ConfigError as error:
        assert error.what  # noqa: PT017


def test_true_is_no_number_and_one_is_no_boolean() -> None:
    assert read("[s]\nname='n'\nedge=[{from='a', children=true}]").edge[0].children is True
    one = read("[s]\nname='n'\nedge=[{from='a', children=1}]").edge[0].children
    assert one == 1
    assert one is not True


def test_values_are_never_shown() -> None:
    assert "canary" not in str(failure("[s]\nname = 'n'\nmode = 'canary'\n").as_dict())
    assert "canary" not in str(failure("[s]\nname = 'n'\nkeep = 'canary'\n").as_dict())
