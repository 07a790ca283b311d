"""Temporary files are where the user wants them, without a name, and give back what was put in."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import numpy as np
import pytest

from penstock.errors import ConfigError, NoSpace
from penstock.scratch import ScratchFile


def test_a_file_is_in_tmpdir_and_has_no_name(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # forget what was found before
    file = ScratchFile("a test", "numbers take 8 bytes each,")
    file.write(np.arange(10_000), 80)
    assert list(tmp_path.iterdir()) == []
    own = Path(f"/proc/self/fd/{file._file.fileno()}")
    assert str(own.readlink()).startswith(str(tmp_path))
    assert own.stat().st_size == 80_080
    read = np.empty(9_999, dtype=np.int64)
    file.read(read, 88)
    assert read.tolist() == list(range(1, 10_000))
    with pytest.raises(EOFError, match="a test"):
        file.read(read, 96)
    file.close()
    assert not own.is_symlink()


def test_a_full_disk_says_for_what_how_much_and_where_more_room_could_be(full_disk):
    with pytest.raises(NoSpace) as caught:
        ScratchFile("a test", "numbers take 8 bytes each,").write(np.arange(3), 0)
    assert caught.value.what == "this machine's disk is too full for a test"
    assert caught.value.why == f"numbers take 8 bytes each, in {tempfile.gettempdir()}"
    assert "TMPDIR=" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_disk_without_room_for_one_more_file_says_the_same(monkeypatch):
    def no_inodes(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("penstock.scratch.TemporaryFile", no_inodes)
    with pytest.raises(NoSpace) as caught:
        ScratchFile("a test", "numbers take 8 bytes each,")
    assert caught.value.what == "this machine's disk is too full for a test"
    assert "TMPDIR=" in caught.value.hint


def test_where_no_folder_can_be_used_it_says_which_and_how_to_name_another(monkeypatch, tmp_path):
    gone = str(tmp_path / "gone")
    monkeypatch.setattr(tempfile, "tempdir", None)  # forget what was found before
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [gone])
    with pytest.raises(ConfigError) as caught:
        ScratchFile("a test", "numbers take 8 bytes each,")
    assert caught.value.what == "no temporary file can be made for a test"
    assert gone in caught.value.why
    assert "TMPDIR=" in caught.value.hint


def test_a_folder_that_goes_away_during_the_run_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(ConfigError) as caught:
        ScratchFile("a test", "numbers take 8 bytes each,")
    assert caught.value.why.startswith(f"No such file or directory: {tmp_path / 'gone'}")
    assert caught.value.exit_code == 2
