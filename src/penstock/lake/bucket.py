"""A data set in an object store: written on this machine, uploaded, read back, the manifest last.

An object store has no rename. So a prefix counts as a data set only while it has its manifest: that goes first when a
data set is replaced, and comes last. The list of the objects to come (`_writing.json`) is put before them, so that the
next run can tell what a killed one left from what is somebody else's.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from penstock.errors import StoreError, TargetRefused
from penstock.lake.dataset import MANIFEST, Owner, digest, listed_files, require_replaceable
from penstock.lake.staging import clean, contents, staged, storing
from penstock.project.lakes import LakeSettings
from penstock.project.redact import scrub

WRITING = "_writing.json"
_PART_BYTES = 16 << 20
_READ_BYTES = 4 << 20
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3} [\w ]{1,40})")


@dataclass(frozen=True, slots=True)
class BucketDestination:
    """A prefix of a bucket. `workshop` is where on this machine the files are made before they are uploaded."""

    shown: str  # s3://bucket/prefix
    store: S3Store
    workshop: Path
    run: str = field(default_factory=lambda: secrets.token_hex(8))

    def prepare(self, owner: Owner, *, replace: bool) -> list[str]:
        with storing(f"looking at {self.workshop.parent}"):
            done = list(clean(self.workshop, MANIFEST))
        done += self._clean(owner)
        self._require_replaceable(owner, replace=replace)
        with _calling(f"writing to {self.shown}"):  # asked before the work, not after it
            self._put_json(WRITING, self._claim(owner, []))
            obstore.delete(self.store, [WRITING])
        return done

    def stage(self) -> AbstractContextManager[Path]:
        return staged(self.workshop)

    def publish(self, draft: Path, owner: Owner, *, replace: bool) -> None:
        self._require_replaceable(owner, replace=replace)
        names = [name for name in contents(draft) if name != MANIFEST]
        with _calling(f"writing to {self.shown}"):
            old = self._document(MANIFEST)
            gone = listed_files(old) - {MANIFEST} if old else set()
            # First what tells a later run whose these objects are, then the end of the old data set.
            self._put_json(WRITING, self._claim(owner, sorted({*names, *gone})))
            try:
                obstore.delete(self.store, [MANIFEST, *sorted(gone)])
                for name in names:
                    with storing(f"reading {draft}"), (draft / name).open("rb") as file:
                        obstore.put(self.store, name, file, chunk_size=_PART_BYTES)
                for name in names:
                    self._require_same(name, digest(draft / name))
                self._require_mine()
                obstore.put(self.store, MANIFEST, (draft / MANIFEST).read_bytes())
            except BaseException:
                with suppress(Exception):  # else the next run does
                    self._clean(owner)
                raise
            obstore.delete(self.store, [WRITING])

    def _clean(self, owner: Owner) -> list[str]:
        """Remove what a killed run of the same development database left: the objects it said it would write."""
        with _calling(f"looking at {self.shown}"):
            begun = self._document(WRITING)
            if begun is None:
                return []
            if (begun.get("project"), begun.get("name")) != (owner.project, owner.name):
                raise TargetRefused(
                    f"an upload to {self.shown} for [devdb.{begun.get('name')}] was begun and not finished",
                    hint="choose another destination, or run that one again",
                )
            if self._document(MANIFEST) is None:
                obstore.delete(self.store, [str(name) for name in begun["files"]])
            obstore.delete(self.store, [WRITING])
            return [f"removed what an interrupted upload left in {self.shown}"]

    def _require_replaceable(self, owner: Owner, *, replace: bool) -> None:
        with _calling(f"looking at {self.shown}"):
            present = self._names()
            text = _read(self.store, MANIFEST) if MANIFEST in present else None
        require_replaceable(self.shown, text, present, owner, replace=replace)

    def _require_same(self, name: str, expected: str) -> None:
        """Read an object back, to its last byte."""
        found = hashlib.sha256()
        for piece in obstore.get(self.store, name).stream(min_chunk_size=_READ_BYTES):
            found.update(piece)
        if found.hexdigest() != expected:
            raise StoreError(
                f"{self.shown}/{name} reads otherwise than it was written",
                why="the store lost or changed bytes, or another run writes to the same place",
                hint="run again; nothing was published",
            )

    def _require_mine(self) -> None:
        if (self._document(WRITING) or {}).get("run") != self.run:
            raise StoreError(
                f"another run writes to {self.shown}",
                why="it has put its own list of files there",
                hint="let one of them finish, then run the other with --replace",
            )

    def _names(self) -> set[str]:
        return {str(item["path"]) for page in obstore.list(self.store) for item in page}

    def _document(self, name: str) -> dict[str, Any] | None:
        """A JSON object of ours; None where there is none."""
        text = _read(self.store, name)
        try:
            found = json.loads(text) if text is not None else None
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def _claim(self, owner: Owner, files: list[str]) -> dict[str, Any]:
        return {"run": self.run, "project": owner.project, "name": owner.name, "files": files}

    def _put_json(self, name: str, document: dict[str, Any]) -> None:
        obstore.put(self.store, name, json.dumps(document, ensure_ascii=False).encode())


def open_bucket(lake: LakeSettings, bucket: str, prefix: str) -> S3Store:
    """The store of one prefix. Credentials of the connection, or those AWS's own variables and machines supply."""
    config: dict[str, Any] = {}
    if lake.access_key is not None and lake.secret_key is not None:
        config["access_key_id"] = lake.access_key.reveal()
        config["secret_access_key"] = lake.secret_key.reveal()
    if lake.region:
        config["region"] = lake.region
    if lake.endpoint:
        config["endpoint"] = lake.endpoint
        config["virtual_hosted_style_request"] = False
    with _calling(f"opening {lake.describe()}"):
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=config,  # type: ignore[arg-type]  # a TypedDict there
            client_options={
                "allow_http": lake.endpoint.startswith("http://"),
                "timeout": timedelta(minutes=5),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
        )


def ask(store: S3Store, shown: str) -> None:
    """Whether the store answers and lets us look. Raises `StoreError`."""
    with _calling(f"looking at {shown}"):
        next(iter(obstore.list(store, chunk_size=1)), None)


def _read(store: S3Store, name: str) -> bytes | None:
    try:
        return bytes(obstore.get(store, name).bytes())
    except FileNotFoundError:
        return None


@contextmanager
def _calling(doing: str) -> Iterator[None]:
    """Turn a failure of the store inside the block into an error of ours. Of its text only codes go on: it quotes
    whole requests."""
    try:
        yield
    except (BaseError, OSError) as error:
        said = str(error)
        code, status = _CODE.search(said), _STATUS.search(said)
        why = code[1] if code else status[1].strip() if status else "no answer"
        raise StoreError(
            f"{doing} failed",
            why=scrub(why),
            hint="endpoint, bucket and keys right? penstock conn test",
        ) from None
