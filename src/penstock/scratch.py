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

from penstock.errors import ConfigError, NoSpace, PenstockError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ScratchFile:
    """A file for one job. `close` gives the space back."""

    def __init__(self, job: str, needs: str) -> None:
        """Said when the disk is full: "… too full for (the job)", "(what it needs) in /tmp".

        Raises NoSpace, or ConfigError if no folder can be written to.
        """
        self._job = job
        self._needs = needs
        try:
            self._file = TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
        except OSError as error:
            raise self._full() if error.errno in _FULL else self._impossible(error) from error

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
            raise self._full() from error

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

    def _full(self) -> PenstockError:
        return NoSpace(
            f"this machine's disk is too full for {self._job}",
            why=f"{self._needs} in {gettempdir()}",
            hint="free space there, or name a folder on a larger disk: export TMPDIR=/path/to/folder",
        )

    def _impossible(self, error: OSError) -> PenstockError:
        """Python found no folder, be it that all are full; or the one it found before is no longer what it was."""
        where = f": {error.filename}" if error.filename else ""
        return ConfigError(
            f"no temporary file can be made for {self._job}",
            why=f"{error.strerror or type(error).__name__}{where}",
            hint="name a folder that can be written to and has room: export TMPDIR=/path/to/folder",
        )
