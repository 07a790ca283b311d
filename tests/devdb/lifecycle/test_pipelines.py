"""`dev ci`: what it writes parses, and the commands in it do on a real server what their steps say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.devdb.conftest import KEY, Folder

SERVICES = ("github", "gitlab", "jenkins")


def text_of(folder: Folder, on: str) -> str:
    done = folder.run("dev", "ci", "small", "--on", on)
    assert done.code == 0, done.err
    return done.out


def github(text: str) -> dict[str, list[str]]:
    """Job → its commands, but for the installation."""
    jobs: dict[str, Any] = yaml.safe_load(text)["jobs"]
    return {
        name: [s["run"] for s in job["steps"] if "run" in s and "pip install" not in s["run"]]
        for name, job in jobs.items()
    }


def gitlab(text: str) -> dict[str, list[str]]:
    jobs: dict[str, Any] = yaml.safe_load(text)
    return {
        name.removeprefix("penstock-small-"): job["script"] for name, job in jobs.items() if "script" in job
    }


def jenkins(text: str) -> dict[str, list[str]]:
    stages = re.split(r"stage\('([^']+)'\)", text)[1:]
    scripts = {
        name: re.findall(r"sh '''(.*?)'''", body, re.DOTALL)
        for name, body in zip(stages[::2], stages[1::2], strict=True)
    }
    return {
        name.replace("reset what is due", "reset").replace(" ", "-"): s for name, s in scripts.items() if s
    }


READ: dict[str, Callable[[str], dict[str, list[str]]]] = {
    "github": github,
    "gitlab": gitlab,
    "jenkins": jenkins,
}


@pytest.fixture
def penstock_on_path(tmp_path: Path) -> Path:
    """A folder with a program `penstock`, which runs this checkout."""
    place = tmp_path / "bin"
    place.mkdir()
    program = place / "penstock"
    program.write_text(
        f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c 'from penstock.cli import main; main()' \"$@\"\n"
    )
    program.chmod(0o755)
    return place


def run(
    folder: Folder, path: Path, script: str, *shell: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A step as the services run it: a shell that stops at the first failure, in the checkout, secrets in the environment."""
    return subprocess.run(
        [*(shell or ("bash", "-e", "-o", "pipefail")), "-c", script],
        cwd=folder.path,
        env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def steps_of(folder: Folder, on: str) -> dict[str, list[str]]:
    return READ[on](text_of(folder, on))


@pytest.fixture
def secrets(folder: Folder) -> dict[str, str]:
    """What the service sets; nothing of it lies in the checkout any more."""
    (folder.path / ".env").unlink()
    server = folder.source.server
    return {
        "PENSTOCK_KEY": KEY, "SOURCE_PASSWORD": server.password, "TARGET_PASSWORD": folder.target.password,
    }  # fmt: skip


def test_all_services_say_the_same_to_the_shell(folder: Folder) -> None:
    """So that what the steps do is seen of one of them, and of the others how they run it."""

    def said(on: str) -> dict[str, list[str]]:
        return {
            name: [line.strip() for script in scripts for line in script.strip().splitlines()]
            for name, scripts in steps_of(folder, on).items()
        }

    mine = {on: said(on) for on in SERVICES}
    for on in SERVICES:
        for name in ("check", "reset", "by-hand"):
            assert mine[on][name] == mine["github"][name], (on, name)
            assert mine[on][name]
    own = {"$REVIEW_DATABASE": f"{folder.database}_mr_$CI_MERGE_REQUEST_IID"}
    for name in ("open-review", "close-review"):
        (github_, gitlab_) = (mine[on][name] for on in ("github", "gitlab"))
        assert [line.replace(*next(iter(own.items()))) for line in github_] == gitlab_, name


@pytest.mark.timeout(400)  # some fifteen commands, each a process of its own
def test_the_steps_do_what_they_say(folder: Folder, penstock_on_path: Path, secrets: dict[str, str]) -> None:
    toml = folder.path / "penstock.toml"
    toml.write_text(
        toml.read_text().replace("[devdb.small]", '[devdb.small]\nttl = "0s"\nschedule = "every hour"')
    )
    steps = steps_of(folder, "github")

    def step(name: str, **variables: str) -> str:
        said = ""
        for script in steps[name]:
            done = run(folder, penstock_on_path, script, **secrets, **variables)
            assert done.returncode == 0, f"{script}: {done.stderr}"
            said += done.stdout + done.stderr
        return said

    template, review = f"{folder.database}__template", f"{folder.database}_pr_7"
    step("by-hand", ACTION="template")
    assert folder.names() == [template]
    step("check")  # with the template alone, as where every database is a review's
    step("open-review", REVIEW_DATABASE=review)
    assert folder.names() == [template, review]
    step("close-review", REVIEW_DATABASE=review)
    for action in ("create", "reset"):
        step("by-hand", ACTION=action)
        assert folder.names() == [folder.database, template]
    folder.source.execute("ALTER TABLE customer ADD COLUMN visits int")
    (drift,) = (s for s in steps["check"] if "drift" in s)
    assert run(folder, penstock_on_path, drift, **secrets).returncode == 1, "drift fails the job"
    assert "nothing is due" in step("reset")
    assert folder.names() == [template], "a ttl of nothing has expired"
    step("by-hand", ACTION="create")
    step("by-hand", ACTION="drop")
    assert folder.names() == [template]


def test_gitlab_names_the_database_of_a_review_after_its_merge_request(
    templated: Folder, penstock_on_path: Path, secrets: dict[str, str]
) -> None:
    for name, there in (("open-review", True), ("close-review", False)):
        for script in steps_of(templated, "gitlab")[name]:
            done = run(templated, penstock_on_path, script, **secrets, CI_MERGE_REQUEST_IID="7")
            assert done.returncode == 0, done.stderr
        assert (f"{templated.database}_mr_7" in templated.names()) == there


def test_drift_fails_a_stage_of_jenkins_which_is_one_script(
    templated: Folder, penstock_on_path: Path, secrets: dict[str, str]
) -> None:
    """Its `sh` runs `sh -xe`: the second of two commands counts as the first does."""
    (script,) = steps_of(templated, "jenkins")["check"]
    assert run(templated, penstock_on_path, script, "sh", "-xe", **secrets).returncode == 0
    templated.source.execute("ALTER TABLE customer ADD COLUMN visits int")
    assert run(templated, penstock_on_path, script, "sh", "-xe", **secrets).returncode == 1
    templated.source.execute("ALTER TABLE customer ADD COLUMN passport text")
    stopped = run(templated, penstock_on_path, script, "sh", "-xe", **secrets)
    assert (stopped.returncode, "+ penstock dev drift" in stopped.stderr) == (1, False), "the first ends it"


@pytest.mark.parametrize("on", SERVICES)
def test_every_secret_is_named_and_none_is_in_it(folder: Folder, on: str) -> None:
    made = folder.project.pipeline_dev("small", on)
    expected = ["PENSTOCK_KEY", *(["SOURCE_PASSWORD", "TARGET_PASSWORD"] if folder.target.password else [])]
    assert list(made.secrets) == expected
    assert all(name in made.text for name in expected)
    assert KEY not in made.text
    assert folder.target.password not in made.text
    assert "@" not in re.sub(r"actions/[a-z-]+@v\d", "", made.text), "a mark that was not filled in"


@pytest.mark.parametrize("on", SERVICES)
def test_each_says_where_penstock_is_not_to_be_had_yet(folder: Folder, on: str) -> None:
    head = [line for line in text_of(folder, on).splitlines()[:20] if line.startswith(("#", "//"))]
    assert any("on no public package index yet" in line for line in head)


def test_github_runs_each_job_for_its_event_and_gives_the_secrets(folder: Folder) -> None:
    document = yaml.safe_load(text_of(folder, "github"))
    assert set(document["on"]) == {"pull_request", "schedule", "workflow_dispatch"}
    assert document["env"]["PENSTOCK_KEY"] == "${{ secrets.PENSTOCK_KEY }}"
    assert document["permissions"] == {"contents": "read"}
    assert all("if" in job for job in document["jobs"].values())
    scripts = [script for job in github(text_of(folder, "github")).values() for script in job]
    assert not any("${{" in script for script in scripts), (
        "what an event says never becomes a part of a script"
    )


def test_gitlab_stops_the_environment_by_the_job_that_drops(folder: Folder) -> None:
    document = yaml.safe_load(text_of(folder, "gitlab"))
    opened = document["penstock-small-open-review"]["environment"]
    closed = document[opened["on_stop"]]
    assert closed["environment"] == {"name": opened["name"], "action": "stop"}
    assert all(job["extends"] in document for job in document.values() if "extends" in job)


def test_a_drift_stops_no_nightly_reset_which_may_end_it(folder: Folder) -> None:
    texts = {on: text_of(folder, on) for on in SERVICES}
    assert "needs" not in yaml.safe_load(texts["github"])["jobs"]["reset"]
    assert yaml.safe_load(texts["gitlab"])["penstock-small-reset"]["needs"] == [], "it waits for no stage"
    check = re.search(r"stage\('check'\).*?stage\(", texts["jenkins"], re.DOTALL)
    caught = r"catchError\(buildResult: 'FAILURE', stageResult: 'FAILURE'\) \{\s*sh '''"
    assert check
    assert re.search(caught, check[0])


def test_the_jenkinsfile_is_balanced_and_declarative(folder: Folder) -> None:
    text = text_of(folder, "jenkins")
    bare = re.sub(r"'''.*?'''|'[^'\n]*'|\"[^\"\n]*\"|//[^\n]*", "''", text, flags=re.DOTALL)
    depth = 0
    for char in bare:
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    assert bare.count("(") == bare.count(")")
    assert re.match(r"\s*(''\s*)*pipeline \{", bare)
    for section in ("agent", "triggers", "parameters", "environment", "stages"):
        assert re.search(rf"^    {section} \{{", bare, re.MULTILINE), section
    assert all("steps {" in stage for stage in re.split(r"stage\(", bare)[1:])


def test_write_puts_it_in_its_place_and_never_over_a_file(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for on, path in (("github", ".github/workflows/penstock-small.yml"), ("gitlab", ".gitlab/penstock-small.yml"), ("jenkins", "Jenkinsfile.penstock-small")):  # fmt: skip
        assert folder.run("dev", "ci", "small", "--on", on, "--write").code == 0
        assert (tmp_path / path).read_text() == text_of(folder, on).rstrip() + "\n"
        (tmp_path / path).write_text("ours now")
        assert folder.run("dev", "ci", "small", "--on", on, "--write").code == 2
        assert (tmp_path / path).read_text() == "ours now"


@pytest.mark.parametrize("database", ["a b", "${{ secrets.X }}", "x'y", 'x"; rm', "x\ny"])
def test_a_name_that_would_need_quotes_is_refused(folder: Folder, database: str) -> None:
    done = folder.run("--set", f"devdb.small.database={database}", "dev", "ci", "small", "--on", "github")
    assert done.code == 2
    assert "cannot carry" in done.err
