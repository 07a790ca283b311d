"""Hooks: run without a shell, told what is made, ended when they take too long, and their failures said."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import stat
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.devdb.conftest import KEY, Folder

REPORT = """#!/usr/bin/env python3
import json, os, sys
kept = {k: v for k, v in os.environ.items() if k.startswith("PENSTOCK_")}
with open("hooks.jsonl", "a") as file:
    file.write(json.dumps([sys.argv[1:], kept]) + "\\n")
print("said on stdout")
print("said on stderr", os.environ["PENSTOCK_DATABASE_URL"], file=sys.stderr)
"""


def hooked(folder: Folder, **hooks: object) -> Folder:
    """The same project with these hooks, and a program `./report` that writes down what it is told."""
    program = folder.path / "report"
    program.write_text(REPORT)
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in hooks.items())
    toml = folder.path / "penstock.toml"
    toml.write_text(f"{toml.read_text()}\n[devdb.small.hooks]\n{lines}\n")
    return folder


def told(folder: Folder) -> list[tuple[list[str], dict[str, str]]]:
    return [tuple(json.loads(line)) for line in (folder.path / "hooks.jsonl").read_text().splitlines()]


def test_hooks_run_around_the_making_and_the_dropping(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_KEY", KEY)
    argument = "$HOME; `id` *"
    hooked(folder, **{h: ["./report", argument] for h in ("before_create", "after_create", "after_drop")})
    for command in (
        ["create", "small"],
        ["create", "small", "--to", str(folder.path / "files")],
        ["refresh", "small"],
        ["reset", "small", "--grace", "0s"],
        ["drop", "small", "--yes"],
    ):
        done = folder.run("dev", *command)
        assert done.code == 0, done.err
        assert "said on stdout" not in done.out
        hooks_run = "--to" not in command  # no database stays
        assert ("after_" in done.err) == hooks_run
        assert ("said on stdout" in done.err) == hooks_run
        assert folder.target.password not in done.err, "what a hook prints is scrubbed"
    assert [(v["PENSTOCK_HOOK"], v["PENSTOCK_OPERATION"]) for _, v in told(folder)] == [
        ("before_create", "create"), ("after_create", "create"),
        ("before_create", "refresh"), ("after_create", "refresh"),
        ("before_create", "reset"), ("after_create", "reset"),
        ("after_drop", "drop"),
    ]  # fmt: skip
    for arguments, variables in told(folder):
        assert arguments == [argument], "nothing is expanded"
        assert "PENSTOCK_KEY" not in variables
        assert variables["PENSTOCK_DEVDB"] == "small"
        assert variables["PENSTOCK_DATABASE"] == folder.database
        assert variables["PENSTOCK_DATABASE_URL"].endswith(f":{folder.target.port}/{folder.database}")
        assert Path(variables["PENSTOCK_PROJECT"]) == folder.path.resolve()


def test_a_hook_gets_the_environment_without_the_projects_secrets(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml, env = folder.path / "penstock.toml", folder.path / ".env"
    lake = '[connections.share]\nrole = "lake"\nurl = "s3://b/p"\naccess_key = "${SHARE_KEY}"\nsecret_key = "${SHARE_SECRET}"\n\n'
    text = re.sub(r"(?m)^password = .*\n", "", toml.read_text()).replace(
        "[devdb.small]", f"{lake}[devdb.small]", 1
    )
    toml.write_text(text.replace('role = "source"', 'role = "source"\npassword = "${PROD_PASSWORD}"', 1))
    with env.open("a") as file:
        file.write("TOKEN_OF_THE_PROJECT=abc\n")
    secret = "swordfish of production"
    gone = {
        "PENSTOCK_KEY": KEY, "PROD_PASSWORD": secret, "PROD_PASSWORD_FILE": "/nowhere", "TOKEN_OF_THE_PROJECT": "abc",
        "SHARE_KEY": "k", "SHARE_SECRET": "s", "PGPASSWORD": "p", "PGPASSFILE": "/nowhere",
        "DATABASE_URL": f"postgresql://reader:{quote(secret, safe='')}@prod/shop", "ANOTHER_NAME": KEY,
    }  # fmt: skip
    stays = {"AWS_SECRET_ACCESS_KEY": "of the cloud", "ARM_CLIENT_ID": "1", "HOME": str(folder.path)}
    for name, value in {**gone, **stays}.items():
        monkeypatch.setenv(name, value)
    hooked(folder, before_create=["sh", "-c", "env > seen; exit 1"])
    assert folder.run("dev", "create", "small").code == 3
    seen = dict(line.split("=", 1) for line in (folder.path / "seen").read_text().splitlines() if "=" in line)
    assert not gone.keys() & seen.keys()
    assert secret not in str(seen)
    assert {name: seen.get(name) for name in stays} == stays
    assert seen["PATH"] == os.environ["PATH"]
    assert "PENSTOCK_DATABASE_URL" in seen


def test_the_url_in_the_environment_leads_into_the_database(folder: Folder) -> None:
    psql = str(folder.target.programs / "psql")
    statement = "CREATE TABLE public.seeded AS SELECT 1 AS n"
    hooked(folder, after_create=["sh", "-c", f'{psql} "$PENSTOCK_DATABASE_URL" -qc "{statement}"'])
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    assert folder.made.value("SELECT n FROM seeded") == 1


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["false"], "exit code 1"),
        (["sh", "-c", "kill -9 $$"], "signal 9"),
        (["./not-there"], "No such file"),
        (["sh", "-c", "sleep 60 & sleep 60"], "did not end within 1s"),
    ],
)
def test_a_failing_before_create_stops_before_anything_is_written(
    folder: Folder, command: list[str], why: str
) -> None:
    hooked(folder, before_create=command, timeout="1s")
    started = time.monotonic()
    done = folder.run("dev", "create", "small")
    assert (done.code, "PEN-3600" in done.err) == (3, True), done.err
    assert why in done.err
    assert "nothing was written" in done.err
    assert time.monotonic() - started < 20
    assert folder.names() == []


@pytest.mark.parametrize(
    "start",
    [
        "sleep 61.5 & echo $! > child; wait",
        "setsid sh -c 'echo $$ > child; exec sleep 61.5' & wait",
        "setsid sh -c 'setsid sh -c \"echo \\$\\$ > child; exec sleep 61.5\" &'; sleep 61.5",
    ],
    ids=["in its session", "in a session of its own", "in a session of its own, its parent gone"],
)
def test_a_hook_that_takes_too_long_is_ended_with_what_it_started(folder: Folder, start: str) -> None:
    hooked(folder, before_create=["sh", "-c", start], timeout="1s")
    assert folder.run("dev", "create", "small").code == 3
    child = int((folder.path / "child").read_text())
    time.sleep(0.2)
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_what_a_hook_leaves_running_when_it_ends_well_goes_on(folder: Folder) -> None:
    hooked(folder, before_create=["sh", "-c", "setsid sleep 61.5 >&- 2>&- & echo $! > child"], timeout="5s")
    assert folder.run("dev", "create", "small").code == 0
    os.kill(int((folder.path / "child").read_text()), signal.SIGKILL)


def test_what_a_hook_prints_is_no_command_to_the_terminal(folder: Folder) -> None:
    said = r"\033]0;mine\007\033[2Jred\r\302\233 caf\303\251\ttab \342\200\256"
    hooked(folder, before_create=["printf", said + r"\n"])
    done = folder.run("dev", "create", "small")
    assert r"before_create: \x1b]0;mine\x07\x1b[2Jred\r\x9b café" + "\ttab \\u202e\n" in done.err


@pytest.mark.parametrize("how", ["create", "refresh", "copy", "reset"])
def test_what_to_type_after_a_failed_after_create_works_when_typed(folder: Folder, how: str) -> None:
    ann = f"{folder.database}_ann"
    for command in {
        "create": [],
        "refresh": [["create", "small"]],
        "copy": [["create", "small", "--template"]],
        "reset": [["create", "small", "--template"], ["create", "--from-template", "small"]],
    }[how]:
        assert folder.run("dev", *command).code == 0
    psql = str(folder.target.programs / "psql")
    seeds = (
        f'{psql} "$PENSTOCK_DATABASE_URL" -qc "CREATE TABLE IF NOT EXISTS public.seeded ()"; test -e mended'
    )
    hooked(folder, after_create=["sh", "-c", seeds])
    copy = ["create", "--from-template", "small", "--database", ann]
    command = (
        copy if how == "copy" else ["reset", "small", "--grace", "0s"] if how == "reset" else [how, "small"]
    )
    failed = folder.run("dev", *command)
    assert failed.code == 3
    (typed,) = re.findall(r"or: penstock (.*)$", failed.err, re.MULTILINE)
    assert folder.run(*shlex.split(typed)).code == 3, "mended it is not"
    (folder.path / "mended").touch()
    again = folder.run(*shlex.split(typed))
    assert again.code == 0, again.err
    made = folder.target.database(ann if how == "copy" else folder.database)
    assert made.value("SELECT count(*) FROM seeded") == 0
    assert made.value("SELECT count(*) FROM customer") == 5


def test_a_failing_after_create_leaves_the_finished_database(folder: Folder) -> None:
    hooked(folder, after_create=["false"])
    done = folder.run("dev", "create", "small")
    assert done.code == 3
    assert "is complete and stays" in done.err
    assert folder.run("dev", "verify", "small").code == 0


def test_a_failing_after_drop_is_said_and_the_database_is_gone(folder: Folder) -> None:
    hooked(folder, after_drop=["false"])
    assert folder.run("dev", "create", "small").code == 0
    done = folder.run("dev", "drop", "small", "--yes")
    assert done.code == 3
    assert "is gone" in done.err
    assert folder.names() == []


def test_a_template_has_no_after_create_and_its_copy_has(folder: Folder) -> None:
    hooked(folder, **{h: ["./report"] for h in ("before_create", "after_create", "after_drop")})
    assert folder.run("dev", "create", "small", "--template").code == 0
    assert folder.run("dev", "create", "--from-template", "small").code == 0
    assert folder.run("dev", "drop", "small", "--template", "--yes").code == 0, (
        "what was booked for it is released"
    )
    own, template = folder.database, f"{folder.database}__template"
    assert [(v["PENSTOCK_HOOK"], v["PENSTOCK_OPERATION"], v["PENSTOCK_DATABASE"]) for _, v in told(folder)] == [
        ("before_create", "template", template), ("before_create", "copy", own), ("after_create", "copy", own),
        ("after_drop", "drop", template),
    ]  # fmt: skip


def test_a_text_is_no_command(folder: Folder) -> None:
    hooked(folder, before_create="rm -rf /")
    done = folder.run("dev", "create", "small")
    assert done.code == 2
    assert "a list of" in done.err


def test_hooks_are_no_rules_of_the_copy(folder: Folder) -> None:
    before = folder.project.plan_dev("small")
    hooked(folder, before_create=["./report", "token-abcdef"])
    after = folder.project.plan_dev("small")
    assert (after.rules_hash, after.settings) == (before.rules_hash, before.settings)
    assert folder.run("dev", "create", "small").code == 0
    assert "token-abcdef" not in folder.made.value("SELECT document::text FROM penstock.manifest")
    assert os.environ.get("PENSTOCK_DATABASE_URL") is None
