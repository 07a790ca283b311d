"""A data set in a folder: written beside it, renamed into place."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.errors import TargetRefused
from penstock.lake.dataset import MANIFEST, Owner, digest, require_replaceable, require_unchanged, some
from penstock.lake.exchange import exchange
from penstock.lake.staging import (
    LOCK,
    beside,
    clean,
    contents,
    is_being_written,
    publishing,
    staged,
    storing,
    sync,
    unlock,
)


@dataclass(slots=True)
class FolderDestination:
    """`path` gets the files. Whatever stands there is a whole data set; runs publish one after the other."""

    path: Path
    before: bytes | None = None  # the manifest that stood there when the run began
    _read: dict[str, tuple[int, ...]] = field(default_factory=dict)  # files found as they were written

    @property
    def shown(self) -> str:
        return str(self.path)

    def prepare(self, owner: Owner, *, replace: bool) -> list[str]:
        with storing("looking at", self.path):
            if self.path.is_symlink() or (self.path.exists() and not self.path.is_dir()):
                raise TargetRefused(
                    f"{self.path} is no folder", hint="a data set is a folder: choose another name"
                )
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not os.access(self.path.parent, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            with publishing(self.path):
                done = list(clean(self.path, MANIFEST))
                if is_being_written(self.path):
                    raise TargetRefused(
                        f"another run is writing to {self.path}",
                        hint="let it finish, then run again with --replace",
                    )
                self.before = self._manifest()
                self._require_replaceable(owner, replace=replace)
        return done

    def stage(self) -> AbstractContextManager[Path]:
        return staged(self.path)

    def publish(self, draft: Path, owner: Owner, *, replace: bool) -> None:
        with storing("publishing", self.path):
            sync(draft)
        with storing("publishing", self.path), publishing(self.path):
            require_unchanged(self.shown, self.before, self._manifest())
            self._require_replaceable(owner, replace=replace)
            old = self._put_in_place(draft)
            unlock(self.path)
            _sync_names(self.path.parent)
            if old is not None:
                (old / MANIFEST).unlink(
                    missing_ok=True
                )  # from here on it is no data set that could be put back
                shutil.rmtree(old, ignore_errors=True)

    def _put_in_place(self, draft: Path) -> Path | None:
        """Give the draft its final name; returns where what had it stands now."""
        if not self.path.exists():
            draft.rename(self.path)
            return None
        old = beside(self.path, "old")
        draft.rename(
            old
        )  # so that a run killed at the exchange leaves what is known for debris on either side of it
        try:
            if exchange(old, self.path):
                return old
        except BaseException:
            if (old / LOCK).exists():
                old.rename(draft)
            raise
        old.rename(draft)
        self.path.rename(old)
        try:
            draft.rename(self.path)
        except BaseException:
            if not self.path.exists():
                old.rename(self.path)
            raise
        return old

    def _manifest(self) -> bytes | None:
        manifest = self.path / MANIFEST
        return manifest.read_bytes() if manifest.is_file() else None

    def _require_replaceable(self, owner: Owner, *, replace: bool) -> None:
        if not self.path.exists():
            return
        text = self._manifest()
        present = set(contents(self.path))
        if present:
            require_replaceable(self.shown, text, present, owner, replace=replace)
            self._require_as_written(json.loads(text or b""), present)

    def _require_as_written(self, document: Mapping[str, Any], present: set[str]) -> None:
        """What is listed is what was written: no link in its place, and not edited since. Raises `TargetRefused`."""
        listed = {str(file["path"]): file for file in document["files"]} | {MANIFEST: None}
        changed = [name for name in sorted(present) if not self._is_as_written(name, listed[name])]
        if changed:
            raise TargetRefused(
                f"{self.shown} holds files that are not as they were written: {some(changed)}",
                why="replacing would remove what somebody put there",
                hint="move them elsewhere",
            )

    def _is_as_written(self, name: str, listed: Mapping[str, Any] | None) -> bool:
        path = self.path / name
        if path.is_symlink() or not path.is_file():
            return False
        if listed is None:  # nothing says what the manifest itself was
            return True
        found = path.stat()
        state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if self._read.get(name) != state:  # all is read before the work, and after it what changed meanwhile
            if found.st_size != listed.get("bytes") or digest(path) != listed.get("sha256"):
                return False
            self._read[name] = state
        return True


def _sync_names(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
