"""An error says what, why and what to type; it never shows a value, whatever happened."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from penstock.cli import errors
from penstock.errors import ConnectError, Finding, PenstockError, Refused, Remains
from tests.cli.running import clean_environment


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:  # noqa: BLE001
        return raised


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Finding("x"), 1),
        (click.UsageError("x"), 2),
        (click.FileError("x"), 2),
        (ConnectError("x"), 3),
        (Refused("x"), 4),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (RuntimeError("x"), 3),
        (click.exceptions.Exit(5), 5),
        (SystemExit(7), 7),
        (SystemExit(), 0),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert errors.report(caught(error), as_json=False) == code


def test_what_why_hint_and_code_are_printed_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    errors.report(ConnectError("no answer", why="it is down", hint="start it"), as_json=False)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "error: no answer [PEN-3100]\n  why:  it is down\n  hint: start it\n"


def test_with_json_the_error_is_one_object_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    errors.report(ConnectError("no answer", why="it is down", hint="start it"), as_json=True)
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "error": {
            "code": "PEN-3100",
            "what": "no answer",
            "why": "it is down",
            "hint": "start it",
            "exit_code": 3,
        }
    }
    assert shown.err == ""


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), ConnectError("x", hint="h"), ValueError("canary-value")]
)
def test_what_a_run_left_behind_is_told_also_after_one_more_ctrl_c(
    capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    error.add_note(Remains("the database shop remains"))
    error.add_note("somebody's canary-note")
    try:
        try:
            raise error
        except BaseException:  # noqa: BLE001
            raise KeyboardInterrupt  # noqa: B904 - it comes in the middle of whatever there is
    except KeyboardInterrupt as last:
        for raised in (error, last):
            errors.report(raised, as_json=True)
            shown = capsys.readouterr().out
            assert json.loads(shown)["error"]["hint"].endswith("the database shop remains")
            assert "canary" not in shown


@pytest.mark.parametrize("as_json", [False, True])
def test_an_unforeseen_error_shows_its_type_and_place_but_not_its_text(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    errors.report(caught(ValueError("canary-value")), as_json=as_json)
    shown = capsys.readouterr()
    assert "ValueError" in shown.out + shown.err
    assert "test_errors.py" in shown.out + shown.err
    assert "canary" not in shown.out + shown.err


UNFORESEEN = """
import sys, types
import click
import penstock.cli

@click.command()
def command():
    local = "canary-local"
    try:
        raise KeyError("canary-cause")
    except KeyError as error:
        raise RuntimeError(f"canary-text {local}") from error

sys.modules["penstock.cli.doctor"] = types.SimpleNamespace(command=command)
penstock.cli.main(sys.argv[1:])
"""


@pytest.mark.parametrize("options", [[], ["-v"], ["-vv"]])
def test_no_verbosity_shows_a_value(options: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNFORESEEN, "doctor", *options],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )
    assert done.returncode == 3
    assert "canary" not in done.stdout + done.stderr
    assert "RuntimeError" in done.stderr
    assert ("KeyError" in done.stderr) == (options == ["-vv"])
    assert "Traceback" not in done.stderr


def test_an_error_that_names_a_secret_is_scrubbed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from penstock.project import redact

    monkeypatch.setattr(redact, "_secrets", set())
    monkeypatch.setattr(redact, "_spelled", ())
    redact.remember("canary-secret")
    errors.report(PenstockError("saw canary-secret", hint="use canary-secret"), as_json=False)
    errors.report(PenstockError("saw canary-secret"), as_json=True)
    shown = capsys.readouterr()
    assert "canary" not in shown.out + shown.err
    assert shown.err.count("****") == 2
