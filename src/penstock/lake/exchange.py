"""Two folders change their names in one step, where the system can do that: Linux, and most of its file systems."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def exchange(one: Path, other: Path) -> bool:
    """Each gets the other's name, and nobody ever finds either without its folder. False where that cannot be done: then
    nothing has changed."""
    call = _renameat2()
    if call is None:
        return False
    sys.audit("os.rename", one, other, -1, -1)  # as os.rename does
    return call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0


@cache
def _renameat2() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    call = getattr(ctypes.CDLL(None), "renameat2", None)  # glibc since 2.28, musl since 1.2.5
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call
