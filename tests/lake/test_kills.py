"""SIGKILL at every step of publishing: what stands in the place is whole, and the next run finishes and cleans up."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.lake.exchange import exchange
from tests.s3 import ObjectStore

DRIVER = Path(__file__).with_name("killed.py")
MOST_STEPS = 80
OF_THE_STORE = ".rclone_temp_put_"  # what rclone itself may leave of a PUT


def run(step: int, *arguments: str) -> int:
    done = subprocess.run(
        [sys.executable, DRIVER, str(step), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def whole(place: Path) -> str | None:
    """Which content a place holds, every byte of it; None for no data set."""
    if not (place / "manifest.json").exists():
        return None
    document = json.loads((place / "manifest.json").read_text())
    for file in document["files"]:
        path = place / document.get("folder", "") / file["path"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
    return document["content"]


def only(place: Path, content: str) -> None:
    """That content is whole, and nothing else is there."""
    assert whole(place) == content
    document = json.loads((place / "manifest.json").read_text())
    files = {str(Path(document.get("folder", "")) / file["path"]) for file in document["files"]}
    assert {
        path.relative_to(place).as_posix()
        for path in place.rglob("*")
        if path.is_file() and not path.name.startswith(OF_THE_STORE)
    } == {
        *files,
        "manifest.json",
    }
    assert {Path(name).name for name in files} == {"part"}
    assert len(files) == 2


@pytest.mark.parametrize("kind", ["folder", "folder without exchange"])
def test_a_folder_is_whole_wherever_its_run_is_killed(tmp_path: Path, kind: str) -> None:
    if kind == "folder" and not can_exchange(tmp_path):
        pytest.skip("this file system cannot exchange two folders")
    place, killed = tmp_path / "set", 0
    assert run(0, "folder", str(place), "first") == 0
    for step in range(1, MOST_STEPS):
        if run(step, kind, str(place), "second") == 0:
            break
        killed += 1
        aside = [path for path in tmp_path.glob("set.penstock-old-*") if whole(path)]
        between = kind == "folder without exchange" and not place.exists() and len(aside) == 1
        assert whole(place) in ("first", "second") or between
        assert run(0, "folder", str(place), "first") == 0
        assert whole(place) == "first"
        assert [path.name for path in tmp_path.iterdir()] == ["set"]
        assert not (place / ".penstock-lock").exists()
    assert whole(place) == "second"
    assert 10 < killed < MOST_STEPS - 1


def can_exchange(folder: Path) -> bool:
    for name in ("one", "two"):
        (folder / name).mkdir()
    can = exchange(folder / "one", folder / "two")
    for name in ("one", "two"):
        (folder / name).rmdir()
    return can


def test_a_prefix_is_whole_wherever_its_run_is_killed(tmp_path: Path, store: ObjectStore) -> None:
    access = (store.endpoint, store.access_key, store.secret_key)
    place, killed = store.folder / "set", 0
    workshop = str(tmp_path / "work")
    assert run(0, "bucket", workshop, "first", *access) == 0
    for step in range(1, MOST_STEPS):
        if run(step, "bucket", workshop, "second", *access) == 0:
            break
        killed += 1
        assert whole(place) in ("first", "second"), "what is replaced stands until the manifest does"
        assert run(0, "bucket", workshop, "first", *access) == 0
        only(place, "first")
        assert not any(tmp_path.iterdir())
    only(place, "second")
    assert 10 < killed < MOST_STEPS - 1
