"""Nameless temporary files, for what may be more than memory should hold.

They are read, not mapped: a mapped page counts as the process's memory. They have no name on disk: the system frees
them when the process ends, however it ends.
"""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from penstock.errors import NoSpace

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class ScratchFile:
    """A file that `whose` work keeps `what` in; both are said when the disk is full. `close` gives the space back."""

    whose: str
    what: str
    _file: IO[bytes] = field(default_factory=lambda: tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - `close` closes it

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
                f"this machine's disk is too full for {self.whose}",
                why=f"it keeps {self.what} in {tempfile.gettempdir()}",
                hint="free space there, or name a folder on a larger disk: export TMPDIR=/path/to/folder",
            ) from error

    def read(self, array: npt.NDArray[Any], at: int) -> None:
        """Fill a contiguous array with the bytes from byte `at` on."""
        octets = array.reshape(-1).view(np.uint8).data
        while octets:
            done = os.preadv(self._file.fileno(), [octets], at)
            if not done:
                raise EOFError(f"a temporary file of {self.whose} is shorter than it was written")
            at, octets = at + done, octets[done:]

    def close(self) -> None:
        self._file.close()
