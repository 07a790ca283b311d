"""A data set: files and, last of all, the manifest that names them. Without its manifest there is no data set.

`manifest.json` lists every other file with its size and SHA-256. What is replaced or removed must be listed there and
bear the name of the same development database; anything else in the place is somebody else's, and is not touched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from penstock.errors import TargetRefused

MANIFEST = "manifest.json"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose data set it is: a project and its `[devdb.NAME]`."""

    project: str
    name: str


class Destination(Protocol):
    """Where a data set goes: a folder or a prefix of a bucket."""

    @property
    def shown(self) -> str:
        """Its address, for people; without secrets."""

    def prepare(self, owner: Owner, *, replace: bool) -> list[str]:
        """Refuse what may not be written over, remove the debris of killed runs. Returns what was done, in lines."""

    def stage(self) -> AbstractContextManager[Path]:
        """A folder of this machine to write the files in; removed at the end of the block."""

    def publish(self, draft: Path, owner: Owner, *, replace: bool) -> None:
        """Give the files their final place, the manifest last."""


def write_manifest(draft: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False, default=str) + "\n"
    (draft / MANIFEST).write_text(text, encoding="utf-8")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def described(draft: Path, name: str) -> dict[str, Any]:
    """A file of the data set as its manifest lists it."""
    path = draft / name
    return {"path": name, "bytes": path.stat().st_size, "sha256": digest(path)}


def listed_files(document: Mapping[str, Any]) -> set[str]:
    """The files a manifest names, itself included. Of one in a bucket they lie below a folder."""
    below = f"{document['folder']}/" if document.get("folder") else ""
    return {below + str(file["path"]) for file in document["files"]} | {MANIFEST}


def published_meanwhile(shown: str) -> TargetRefused:
    """The error for a run that was overtaken."""
    return TargetRefused(
        f"another run has published to {shown} meanwhile",
        why="what stands there is not what stood there when this run began",
        hint="that one stands, whole; --replace would put a fresh one in its place",
    )


def require_unchanged(shown: str, before: bytes | None, now: bytes | None) -> None:
    """The manifest of the place is the one this run found. Raises `TargetRefused`."""
    if before != now:
        raise published_meanwhile(shown)


def require_replaceable(
    shown: str, text: bytes | None, present: set[str], owner: Owner, *, replace: bool
) -> None:
    """What is in the place (`present` files, the manifest's `text`) may be written over. Raises `TargetRefused`."""
    if not present:
        return
    try:
        document = json.loads(text or b"")
        whose = Owner(str(document["project"]), str(document["name"]))
        strangers = sorted(present - listed_files(document))
    except (ValueError, KeyError, TypeError):
        raise TargetRefused(
            f"{shown} is not empty, and not a data set of Penstock",
            why=f"it holds no {MANIFEST} that says so",
            hint="choose another destination, or empty this one yourself",
        ) from None
    if whose != owner:
        raise TargetRefused(
            f"{shown} belongs to [devdb.{whose.name}] of the project {whose.project!r}",
            why=f"this is [devdb.{owner.name}] of the project {owner.project!r}",
            hint="choose another destination",
        )
    if not replace:
        raise TargetRefused(
            f"{shown} holds a data set already", hint="add --replace, or choose another destination"
        )
    if strangers:
        raise TargetRefused(
            f"{shown} holds what is no part of the data set: {some(strangers)}",
            why="replacing would remove it",
            hint="move it elsewhere",
        )


def some(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
