"""What others have put into the folder of a data set stays there: `--replace` is refused, and says why."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from penstock.errors import TargetRefused
from penstock.lake.folder import FolderDestination
from tests.lake.test_two_runs import OWNER, publish


def empty(place: Path) -> str:
    (place / "theirs").mkdir()
    return "theirs/"


def linked(place: Path) -> str:
    (place / "theirs").symlink_to(place.parent)
    return "theirs"


def locked(place: Path) -> str:
    (place / "one" / ".penstock-lock").write_text("theirs")
    return "one/.penstock-lock"


def edited(place: Path) -> str:
    (place / "one" / "part").write_text("theirs")
    return "one/part"


def edited_alike(place: Path) -> str:
    text = (place / "one" / "part").read_text()
    (place / "one" / "part").write_text(text.swapcase())
    return "one/part"


def in_its_place(place: Path) -> str:
    (place / "two" / "part").rename(place.parent / "moved")
    (place / "two" / "part").symlink_to(place.parent / "moved")
    return "two/part"


@pytest.mark.parametrize("put", [empty, linked, locked, edited, edited_alike, in_its_place])
@pytest.mark.parametrize("meanwhile", [False, True])
def test_what_others_put_into_a_data_set_is_not_replaced(put, tmp_path: Path, *, meanwhile: bool) -> None:
    place = tmp_path / "set"
    FolderDestination(place).prepare(OWNER, replace=False)
    publish(FolderDestination(place), "before")
    late = FolderDestination(place)
    if meanwhile:
        late.prepare(OWNER, replace=True)
    name = put(place)
    begin = partial(publish, late, "late") if meanwhile else partial(late.prepare, OWNER)
    with pytest.raises(TargetRefused) as raised:
        begin(replace=True)
    assert raised.value.what.endswith(f": {name}")
    assert raised.value.exit_code == 4
    assert (place / name).exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("set")] == ["set"]


def test_a_folder_of_empty_folders_is_somebodys(tmp_path: Path) -> None:
    (tmp_path / "set" / "theirs").mkdir(parents=True)
    with pytest.raises(TargetRefused):
        FolderDestination(tmp_path / "set").prepare(OWNER, replace=True)


def test_a_data_set_that_lost_files_may_be_replaced(tmp_path: Path) -> None:
    place = tmp_path / "set"
    publish(FolderDestination(place), "before")
    (place / "one" / "part").unlink()
    (place / "one").rmdir()
    late = FolderDestination(place)
    late.prepare(OWNER, replace=True)
    publish(late, "late", replace=True)
