"""The other ways out of a process: what Python prints on its own when a thread, a finaliser or a task fails.

Those texts hold the message of the exception, which may hold row values, and they pass no scrubber. Here they are
reduced to type and place, shown from `-v` on. The same goes for records of other people's loggers and for warnings. An
interrupt that falls into a finaliser, where Python drops it, is raised once more.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import warnings

from penstock.cli import errors, output

_AGAIN_SECONDS = 0.05  # a finaliser that still runs then loses it again, and it comes again


class _TypeAndPlace(logging.Handler):
    """Says that a library had something to log, and about which kind of error; never what."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        _say(f"{record.name} logged a {record.levelname.lower()}", error)


def install() -> None:
    """Replace Python's own printers. Called once, before a command runs."""
    threading.excepthook = lambda failed: _say("a thread failed", failed.exc_value)
    sys.unraisablehook = lambda failed: _unraisable(failed.exc_value)
    sys.excepthook = lambda _kind, error, _trace: _say("the program failed", error)
    logging.getLogger().addHandler(_TypeAndPlace(logging.WARNING))
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _unraisable(error: BaseException | None) -> None:
    """An interrupt that fell into a finaliser was lost there: the main thread gets it again."""
    if isinstance(error, KeyboardInterrupt):
        if not sys.is_finalizing():
            main = threading.main_thread().ident or 0
            again = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, (main, signal.SIGINT))
            again.daemon = True
            again.start()
    else:
        _say("a clean-up failed", error)


def _say(what: str, error: BaseException | None) -> None:
    detail = f": {type(error).__name__} in {errors.place(error)}" if error is not None else ""
    output.talk(what + detail, level=1)
