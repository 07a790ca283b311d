"""A folder to write in, beside where its contents will stand: gone when its run is, whatever ended it.

The folder is locked (flock) by the process that writes in it. A lock ends with its process, so a folder that bears our
name and that nobody holds is debris, and the next run to the same place removes it.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import re
import secrets
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from penstock.errors import NoSpace, StoreError

_MARK = ".penstock-"
LOCK = ".penstock-lock"
_ENDING = re.compile(re.escape(_MARK) + r"(new|old)-[0-9a-f]{8}")


@contextmanager
def staged(final: Path) -> Iterator[Path]:
    """A fresh, locked folder beside `final`. What is still there at the end is removed."""
    draft = beside(final, "new")
    with storing("writing to", final.parent):
        final.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
    lock = None
    try:
        with storing("writing to", draft):
            lock = _hold(draft)
        yield draft
    finally:
        _discard(draft)
        if lock is not None:
            os.close(lock)


@contextmanager
def publishing(final: Path) -> Iterator[None]:
    """Alone among all runs that publish to `final`, or clean up beside it; waits for the one that does."""
    path = final.with_name(f"{final.name}{_MARK}lock")
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(path, handle):  # not the one its holder has just removed
                break
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def beside(final: Path, kind: str) -> Path:
    """A new name beside `final`: `new` for what is being written, `old` for what is being replaced."""
    return final.with_name(f"{final.name}{_MARK}{kind}-{secrets.token_hex(4)}")


def contents(folder: Path) -> list[str]:
    """What stands below a folder, relative and with slashes, in order: files, links, which are not followed, and folders
    that hold nothing, with a slash behind. Not the lock of a draft."""
    found = set[str]()
    for parent, folders, files in os.walk(folder, onerror=_raise):
        inside = Path(parent).relative_to(folder)
        links = (name for name in folders if (Path(parent) / name).is_symlink())
        found.update((inside / name).as_posix() for name in (*files, *links))
        if not folders and not files:
            found.add(f"{inside.as_posix()}/")
    return sorted(found - {LOCK, "./"})


def _raise(error: OSError) -> None:
    raise error


def unlock(folder: Path) -> None:
    """Take the mark of a draft off a folder that has got its final name."""
    (folder / LOCK).unlink(missing_ok=True)


def clean(final: Path, whole_if: str) -> Iterator[str]:
    """Remove what killed runs left beside `final`. A folder that one had moved aside, and that still has the file
    `whole_if`, is put back."""
    if not final.parent.is_dir():
        return
    for path in sorted(final.parent.iterdir()):
        if not path.name.startswith(final.name + _MARK) or not path.is_dir():
            continue
        found = _ENDING.fullmatch(path.name.removeprefix(final.name))
        if found is None or not _is_forsaken(path, found[1]):
            continue
        was_final = found[1] == "old" and not (path / LOCK).exists()
        if was_final and not final.exists() and (path / whole_if).exists():
            path.rename(final)
            yield f"put back what an interrupted run had moved aside: {final}"
        else:
            _discard(path)
            yield f"removed what an interrupted run left: {path.name}"


def _discard(folder: Path) -> None:
    """Remove a draft, what marks it as ours last of all: killed half-way, it is still known for debris."""
    for path in folder.glob("*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _is_forsaken(path: Path, kind: str) -> bool:
    if not (path / LOCK).exists():
        # An old data set has no lock, and nobody needs it once its successor stands; a draft without one was never begun.
        return kind == "old" or not any(path.iterdir())
    return not _is_held(path)


def _is_held(draft: Path) -> bool:
    """Whether a process writes in it; also where nobody can tell."""
    try:
        handle = os.open(draft / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def is_being_written(final: Path) -> bool:
    """Whether another run has a draft beside `final`."""
    return any(map(_is_held, final.parent.glob(f"{glob.escape(final.name + _MARK)}new-*")))


def _hold(folder: Path) -> int:
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


@contextmanager
def storing(doing: str, path: Path) -> Iterator[None]:
    """Turn a failure of the file system inside the block, which does something (`doing`) with `path`, into an error of ours."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(
                f"the disk is full while {doing} {path}", hint="free space there and run again"
            ) from None
        there = next(str(above) for above in (path, *path.parents) if os.path.exists(above))  # noqa: PTH110 - it never raises
        raise StoreError(
            f"{doing} {path} failed",
            why=error.strerror or type(error).__name__,
            hint=f"nothing was published; who may do that: ls -ld {shlex.quote(there)}",
        ) from None


def sync(folder: Path) -> None:
    """Bring a folder and all below it to the disk, so that a power cut cannot leave a name without its contents."""
    for path in (*folder.rglob("*"), folder):
        with suppress(OSError):  # a file system that cannot do that for folders
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
