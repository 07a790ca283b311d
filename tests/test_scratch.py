"""Temporary files are where the user wants them, without a name, and give back what was put in."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from penstock.scratch import ScratchFile


def test_a_file_is_in_tmpdir_and_has_no_name(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # forget what was found before
    file = ScratchFile("a test", "numbers")
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
