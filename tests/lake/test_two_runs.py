"""Two runs to one place: one wins whole, the other fails and leaves nothing. Never a mixture."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import obstore
import pytest

from penstock.errors import PenstockError, StoreError, TargetRefused
from penstock.lake import bucket, claims, folder
from penstock.lake.bucket import BucketDestination
from penstock.lake.dataset import Destination, Owner, described, write_manifest
from penstock.lake.folder import FolderDestination
from penstock.lake.staging import contents
from penstock.lake.store import open_bucket
from penstock.project.lakes import LakeSettings
from penstock.project.secret import Secret
from tests.lake.test_kills import only
from tests.s3 import ObjectStore

OWNER = Owner("test", "small")
Place = tuple[Path, Callable[[], Destination]]


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where the data set will stand, and how to get a run to it."""
    if request.param == "folder":
        return tmp_path / "set", lambda: FolderDestination(tmp_path / "set")
    store = request.getfixturevalue("store")
    return store.folder / "set", lambda: in_bucket(store, tmp_path / "work")


def in_bucket(store: ObjectStore, workshop: Path) -> BucketDestination:
    secrets = Secret(store.access_key, "test"), Secret(store.secret_key, "test")
    lake = LakeSettings("x", "s3://team", store.endpoint, "us-east-1", *secrets)
    return BucketDestination("s3://team/set", open_bucket(lake, "team", "set"), workshop)


@contextmanager
def staged(destination: Destination, content: str) -> Iterator[Path]:
    with destination.stage() as draft:
        for name in ("one", "two"):
            (draft / name).mkdir()
            (draft / name / "part").write_text(content + name)
        files = [described(draft, name) for name in contents(draft)]
        write_manifest(draft, {"project": "test", "name": "small", "content": content, "files": files})
        yield draft


def publish(destination: Destination, content: str, *, replace: bool = False) -> None:
    with staged(destination, content) as draft:
        destination.publish(draft, OWNER, replace=replace)


def test_who_comes_while_another_writes_is_refused_and_told_what_to_do(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, make = place
    first, second = make(), make()
    first.prepare(OWNER, replace=False)
    refused: list[TargetRefused] = []

    def come() -> None:
        if not refused:
            with pytest.raises(TargetRefused) as raised:
                second.prepare(OWNER, replace=True)
            refused.append(raised.value)

    if isinstance(first, BucketDestination):
        real = BucketDestination._require_same
        monkeypatch.setattr(BucketDestination, "_require_same", lambda *a: (come(), real(*a)))
        publish(first, "first")
    else:
        with staged(first, "first") as draft:
            come()
            first.publish(draft, OWNER, replace=False)
    assert "another run is writing to" in refused[0].what
    assert "run again with --replace" in refused[0].hint
    only(path, "first")
    second.prepare(OWNER, replace=True)
    publish(second, "second", replace=True)
    only(path, "second")


@pytest.fixture(params=[False, True], ids=["free", "replaced"])
def there(request: pytest.FixtureRequest) -> bool:
    """Whether a data set stands in the place."""
    return bool(request.param)


def test_who_is_overtaken_changes_nothing(place: Place, *, there: bool) -> None:
    path, make = place
    if there:
        begun = make()
        begun.prepare(OWNER, replace=False)
        publish(begun, "before")
    slow, quick = make(), make()
    slow.prepare(OWNER, replace=there)
    quick.prepare(OWNER, replace=there)
    publish(quick, "quick", replace=there)
    with pytest.raises(TargetRefused, match="meanwhile"):
        publish(slow, "slow", replace=there)
    only(path, "quick")


def test_of_runs_at_the_same_time_exactly_one_wins(place: Place, *, there: bool) -> None:
    path, make = place
    if there:
        begun = make()
        begun.prepare(OWNER, replace=False)
        publish(begun, "before")
    for turn in range(8):
        won, lost = race(make, turn, replace=there)
        assert len(won) == 1, lost
        assert len(lost) == 2
        assert all(error.exit_code == 4 for error in lost), lost
        only(path, won[0])
        if not there:
            clear(path, make())


def clear(path: Path, destination: Destination) -> None:
    if isinstance(destination, BucketDestination):  # through the store, which remembers what it has listed
        for page in obstore.list(destination.store):
            obstore.delete(destination.store, [item["path"] for item in page])
    else:
        shutil.rmtree(path)


def race(
    make: Callable[[], Destination], turn: int, *, replace: bool
) -> tuple[list[str], list[PenstockError]]:
    """Three runs that publish at the same moment: what won, and how the others ended."""
    won: list[str] = []
    lost: list[PenstockError] = []
    ready = threading.Barrier(3, timeout=30)

    def run(content: str) -> None:
        destination = make()
        try:
            destination.prepare(OWNER, replace=replace)
            ready.wait()
            publish(destination, content, replace=replace)
            won.append(content)
        except PenstockError as failure:
            lost.append(failure)

    threads = [threading.Thread(target=run, args=(f"{turn}-{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won, lost


def test_who_cleans_up_waits_for_who_is_about_to_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where folders cannot be exchanged: between two renames the old data set stands aside, as after a run that was killed."""
    monkeypatch.setattr(folder, "exchange", lambda *_: False)
    path = tmp_path / "set"
    begun, late, other = FolderDestination(path), FolderDestination(path), FolderDestination(path)
    begun.prepare(OWNER, replace=False)
    publish(begun, "before")
    late.prepare(OWNER, replace=True)
    done: list[list[str]] = []
    thread = threading.Thread(target=lambda: done.append(other.prepare(OWNER, replace=True)))
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        moved = real(self, target)
        if self == path:
            thread.start()
            thread.join(0.5)
        return moved

    monkeypatch.setattr(Path, "rename", rename)
    publish(late, "late", replace=True)
    thread.join(20)
    only(path, "late")
    assert done == [[]]


def test_a_run_taken_for_dead_publishes_nothing(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept, say, and another one cleaned up after it and published."""
    slow, quick = in_bucket(store, tmp_path / "work"), in_bucket(store, tmp_path / "elsewhere" / "work")
    slow.prepare(OWNER, replace=False)
    real = BucketDestination._require_first
    times: list[int] = []

    def asleep(self: BucketDestination) -> None:
        times.append(1)
        if self is slow and len(times) == 2:  # all is uploaded
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(claims, "SILENCE", timedelta(seconds=-1))
                quick.prepare(OWNER, replace=False)
            publish(quick, "quick")
        return real(self)

    monkeypatch.setattr(BucketDestination, "_require_first", asleep)
    with pytest.raises(StoreError, match="taken this one for dead"):
        publish(slow, "slow")
    only(store.folder / "set", "quick")


def test_files_that_go_while_the_manifest_is_put_bring_the_old_data_set_back(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    if there:
        begun = in_bucket(store, tmp_path / "work")
        begun.prepare(OWNER, replace=False)
        publish(begun, "before")
    late = in_bucket(store, tmp_path / "work")
    late.prepare(OWNER, replace=there)
    real = obstore.put

    def thief(place: object, name: str, *arguments: object, **named: object) -> object:
        if name == "manifest.json":
            obstore.delete(late.store, [f"{late.run}/one/part"])
        return real(place, name, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(bucket.obstore, "put", thief)
    with pytest.raises(StoreError, match="is gone again"):
        publish(late, "late", replace=there)
    if there:
        only(store.folder / "set", "before")
    else:
        assert store.objects("set") == []


def test_a_claim_names_no_files_of_others(store: ObjectStore, tmp_path: Path) -> None:
    store.put("set/_writing.0123456789abcdef.json", json.dumps({
        "project": "test", "name": "small", "files": ["thesis"], "gone": [], "machine": "", "draft": "",
    }).encode())  # fmt: skip
    store.put("set/thesis", b"x")
    with pytest.raises(TargetRefused):
        in_bucket(store, tmp_path / "work").prepare(OWNER, replace=True)
    assert "thesis" in store.objects("set")
