"""From what is written behind `--to` to the place it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.errors import StoreError, UsageError
from penstock.lake import places, store
from penstock.lake.dataset import Owner
from penstock.project.lakes import LakeSettings

LAKES = {
    "all": LakeSettings("all", "s3://team", "http://all"),
    "share": LakeSettings("share", "s3://team/shared", "http://share"),
    "other": LakeSettings("other", "s3://team/share", "http://other"),
}


@pytest.mark.parametrize(
    ("wanted", "reached", "prefix"),
    [
        ("s3://team/shared", "share", "shared"),
        ("s3://team/shared/", "share", "shared"),
        ("s3://team/shared/x", "share", "shared/x"),
        ("s3://team/sharedx", "all", "sharedx"),
        ("s3://elsewhere/x", "", "x"),
    ],
)
def test_an_address_is_reached_with_the_keys_of_the_nearest_lake(
    wanted: str, reached: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, str]] = []
    monkeypatch.setattr(store, "open_bucket", lambda lake, _, prefix: opened.append((lake.name, prefix)))
    places.destination(wanted, LAKES, LAKES.__getitem__, data_set="small", workshop=tmp_path)
    assert opened == [(reached, prefix)]


@pytest.mark.parametrize(
    "wanted",
    [
        "/",
        "//",
        "s3://team/../x",
        "s3://team//x",
        "s3:///x",
        "s3://../x",
        "s3://team/shared/../y",
        "s3://nobodys",
    ],
)
def test_an_address_that_leads_elsewhere_is_a_mistake_of_its_writer(wanted: str, tmp_path: Path) -> None:
    lakes = {"share": LAKES["share"]}
    with pytest.raises(UsageError) as raised:
        places.destination(wanted, lakes, lakes.__getitem__, data_set="small", workshop=tmp_path)
    assert raised.value.hint


def test_a_place_that_cannot_be_made_is_an_error_with_something_to_type() -> None:
    place = places.destination("/proc/x/y", (), LAKES.__getitem__, data_set="small", workshop=Path())
    with pytest.raises(StoreError) as raised:
        place.prepare(Owner("test", "small"), replace=False)
    assert raised.value.hint.endswith("ls -ld /proc")
