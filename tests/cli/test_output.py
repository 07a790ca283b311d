"""Results to stdout, talk to stderr, every text through the scrubber."""

from __future__ import annotations

import datetime as dt
import io
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from penstock.cli import output
from penstock.cli.options import common
from penstock.project import redact
from penstock.project.secret import Secret


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redact, "_secrets", set())
    monkeypatch.setattr(redact, "_spelled", ())
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    before = (common.verbosity, common.color)
    yield
    common.verbosity, common.color = before


def test_results_and_talk_go_to_their_own_stream(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit("result")
    output.talk("talk")
    shown = capsys.readouterr()
    assert shown.out == "result\n"
    assert shown.err == "talk\n"


@pytest.mark.parametrize(
    ("verbosity", "shown"), [(-1, ""), (0, "plain\n"), (1, "plain\nmore\n"), (2, "plain\nmore\nmost\n")]
)
def test_talk_follows_the_verbosity(capsys: pytest.CaptureFixture[str], verbosity: int, shown: str) -> None:
    common.verbosity = verbosity
    output.talk("plain")
    output.talk("more", level=1)
    output.talk("most", level=2)
    assert capsys.readouterr().err == shown


def test_everything_printed_is_scrubbed(capsys: pytest.CaptureFixture[str]) -> None:
    redact.remember("canary-secret")
    output.emit("a canary-secret")
    output.talk("a canary-secret")
    output.table([["canary-secret"]], ["H"])
    output.emit_json({"a": ["canary-secret"], "canary-secret": 1, "b": Path("/canary-secret")})
    with output.progress() as progress:
        progress.start("canary-secret")
        progress.finish("canary-secret")
    shown = capsys.readouterr()
    assert "canary" not in shown.out + shown.err
    assert shown.out.count("****") == 5


def test_the_names_of_the_documented_fields_survive_an_unlucky_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    redact.remember("name")
    output.emit_json({"name": "my name"})
    assert json.loads(capsys.readouterr().out) == {"name": "my ****"}


def test_a_table_is_aligned_by_what_it_looks_like(capsys: pytest.CaptureFixture[str]) -> None:
    output.table([["a", 1], ["日本", 1000], [None, 2]], ["NAME", "N"], right=[1])
    assert capsys.readouterr().out == "NAME     N\na        1\n日本  1000\n         2\n"


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    when: dt.date


def test_json_knows_dataclasses_dates_sets_and_paths(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit_json(
        {"p": Point(1, dt.date(2020, 1, 2)), "s": {"b", "a"}, "t": (1, None, True), "f": Path("/x")}
    )
    assert json.loads(capsys.readouterr().out) == {
        "p": {"x": 1, "when": "2020-01-02"}, "s": ["a", "b"], "t": [1, None, True], "f": "/x",
    }  # fmt: skip


@pytest.mark.parametrize("value", [Secret("canary-secret", "x"), b"bytes", object()])
def test_json_refuses_what_has_no_plain_form(value: object) -> None:
    with pytest.raises(TypeError, match="no JSON form"):
        output.emit_json({"a": value})


def test_progress_off_a_terminal_is_a_line_per_task(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress() as progress:
        progress.start("public.a", 10)
        progress.advance("public.a", 4, 1000)
        progress.advance("public.a", 6, 2000)
        progress.finish("public.a")
    assert capsys.readouterr().err.startswith("public.a: 10 rows, 3.0 kB, ")


def test_a_task_that_lasts_is_told_of_now_and_then_where_no_bar_shows_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_LONG_SECONDS", 0.1)
    with output.progress() as progress:
        progress.start("closure")
        progress.start("catalog")
        progress.finish("catalog")
        capsys.readouterr()
        time.sleep(0.6)
        said = capsys.readouterr().err
        progress.finish("closure")
        capsys.readouterr()
        time.sleep(0.2)
    assert set(said.splitlines()) == {"closure: under way for 0 s"}
    assert 2 <= said.count("closure") <= 3, "after 0.1, 0.2, 0.4"
    assert capsys.readouterr().err == "", "what has ended is not told of"


def test_quiet_progress_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    common.verbosity = -1
    with output.progress() as progress:
        progress.start("public.a")
        progress.finish("public.a")
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("color", "environment", "expected"),
    [
        ("auto", {}, True),
        ("auto", {"NO_COLOR": "1"}, False),
        ("auto", {"TERM": "dumb"}, False),
        ("never", {"FORCE_COLOR": "1"}, False),
        ("always", {"NO_COLOR": "1"}, True),
    ],
)
def test_colour_follows_the_terminal_the_flag_and_no_color(
    monkeypatch: pytest.MonkeyPatch, *, color: str, environment: dict[str, str], expected: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    common.color = color
    assert output.colored(Terminal()) is expected


def test_no_terminal_means_no_colour_unless_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not output.colored(io.StringIO())
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert output.colored(io.StringIO())


def test_what_the_terminal_cannot_show_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    output.emit("prix: 5 €")
    sys.stdout.flush()
    assert raw.getvalue() == b"prix: 5 ?\n"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (250_000, "250 kB"),
        (3_400_000, "3.4 MB"),
        (5e12, "5.0 TB"),
    ],
)
def test_sizes_are_for_people(count: float, text: str) -> None:
    assert output.size(count) == text
