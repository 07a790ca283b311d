"""Nameless temporary files, for what may be more than memory should hold.

They are read, not mapped: a mapped page counts as the process's memory. They have no name on disk: the system frees
them when the process ends, however it ends.
"""

from __future__ import annotations

import errno
import os
from tempfile import TemporaryFile, gettempdir
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.errors import NoSpace

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ScratchFile:
    """A file for one job. `close` gives the space back."""

    def __init__(self, job: str, needs: str) -> None:
        """Said when the disk is full: "… too full for (the job)", "(what it needs) in /tmp"."""
        self._job = job
        self._needs = needs
        self._file = TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it

    def write(self, array: npt.NDArray[Any], at: int) -> None:
        """Put the bytes of a contiguous array at byte `at`. Raises NoSpace."""
        octets = array.reshape(-1).view(np.uint8).data
        try:
            while octets:
                done = os.pwrite(self._file.fileno(), octets, at)
                at, octets = at + done, octets[done:]
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise NoSpace(
                f"this machine's disk is too full for {self._job}",
                why=f"{self._needs} in {gettempdir()}",
                hint="free space there, or name a folder on a larger disk: export TMPDIR=/path/to/folder",
            ) from error

    def read(self, array: npt.NDArray[Any], at: int) -> None:
        """Fill a contiguous array with the bytes from byte `at` on."""
        octets = array.reshape(-1).view(np.uint8).data
        while octets:
            done = os.preadv(self._file.fileno(), [octets], at)
            if not done:
                raise EOFError(f"the temporary file for {self._job} is shorter than it was written")
            at, octets = at + done, octets[done:]

    def close(self) -> None:
        self._file.close()
