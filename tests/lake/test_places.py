"""From what is written behind `--to` to the place it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.lake import places, store
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
