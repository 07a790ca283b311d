"""A data set in an object store: written on this machine, uploaded, read back, the manifest last.

An object store has no rename. So every run uploads to a folder of its own, named after the run, and the manifest, one object
that is put last and whole, says which folder is the data set. The one it replaces stands until then, and is removed after.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

import obstore
from obstore.store import S3Store

from penstock.errors import Remains, StoreError, TargetRefused
from penstock.lake import claims
from penstock.lake.claims import Claim
from penstock.lake.dataset import (
    MANIFEST,
    Owner,
    digest,
    listed_files,
    published_meanwhile,
    require_replaceable,
    require_unchanged,
)
from penstock.lake.staging import clean, contents, staged, storing
from penstock.lake.store import calling
from penstock.lake.waiting import Calls

_TRIALS = 5
_PART_BYTES = 16 << 20
_READ_BYTES = 4 << 20
_WITHDRAW_SECONDS = 5.0  # for a store to answer a run that is being ended


@dataclass(slots=True)
class BucketDestination:
    """A prefix of a bucket. `workshop` is where on this machine the files are made before they are uploaded."""

    shown: str  # s3://bucket/prefix
    store: S3Store
    workshop: Path
    run: str = field(default_factory=lambda: secrets.token_hex(8))
    before: bytes | None = None  # the manifest that stood there when the run began
    _call: Calls = field(default_factory=Calls)

    def prepare(self, owner: Owner, *, replace: bool) -> list[str]:
        with storing("looking at", self.workshop.parent):
            done = list(clean(self.workshop, MANIFEST))
        listing, now = self._try_to_write()
        with calling(f"looking at {self.shown}"):
            for claim in claims.found(listing, self._read):
                if claim.run != self.run:
                    done += self._settle_dead(claim, owner, now)
            self.before = self._read(MANIFEST)
        self._require_replaceable(owner, replace=replace)
        return done

    def _try_to_write(self) -> tuple[dict[str, datetime], datetime]:
        """Asked before the work, not after it. Returns what is there, and the time by the store's clock."""
        *_, trial = claims.names(self.run)
        with calling(f"writing to {self.shown}"):
            for _ in range(_TRIALS):
                with self._telling("an empty object of this run", KeyboardInterrupt):
                    self._put(trial, b"")
                    listing = self._listing()
                    self._delete([trial])
                if trial in listing:  # else another run took it for one that was left
                    return listing, listing[trial]
        raise StoreError(
            f"what is written to {self.shown} is not there when it is listed",
            why="many runs write there, or the store shows old lists",
            hint="run again",
        )

    def stage(self) -> AbstractContextManager[Path]:
        return staged(self.workshop)

    def publish(self, draft: Path, owner: Owner, *, replace: bool) -> None:
        files = {f"{self.run}/{name}": draft / name for name in contents(draft) if name != MANIFEST}
        claim, alive, _ = claims.names(self.run)
        with calling(f"writing to {self.shown}"):
            gone = _files(self.before) - {MANIFEST}
            try:
                self._put(claim, claims.document(owner, draft, files, gone))
                with claims.signs_of_life(lambda: (obstore.put(self.store, alive, b""), None)[1]):
                    self._require_first()
                    self._require_replaceable(owner, replace=replace)
                    for name, path in files.items():
                        with storing("reading", draft), path.open("rb") as file:
                            self._put(name, file)
                    for name, path in files.items():
                        self._require_same(name, digest(path))
                    self._require_first()
                    self._require_whole(files)
                    self._require_replaceable(owner, replace=replace)
                    self._publish_manifest(draft, set(files))
            except BaseException as error:
                self._withdraw(error)
                raise
            with self._telling("what this run replaced", KeyboardInterrupt):
                for own in self._own_claims():
                    self._settle(own)

    def _withdraw(self, error: BaseException) -> None:
        """Remove what a run that failed has uploaded. A store that is silent is not waited for: the next run removes it."""
        running = self._call.left_behind()

        def work() -> None:
            running()  # what it still puts would come after the removal
            for own in self._own_claims():
                self._settle(own)

        with self._telling("what this run uploaded", BaseException):
            try:
                self._call(work, seconds=None if isinstance(error, Exception) else _WITHDRAW_SECONDS)
            except Exception:  # noqa: BLE001 - of no interest beside what ended the run
                error.add_note(self._remains("what this run uploaded"))

    @contextmanager
    def _telling(self, what: str, ends: type[BaseException]) -> Iterator[None]:
        """Who cuts the block short is told what may remain."""
        try:
            yield
        except ends as error:
            error.add_note(self._remains(what))
            raise

    def _remains(self, what: str) -> Remains:
        return Remains(f"{what} may still lie below {self.shown}; the next run to it removes that")

    def _publish_manifest(self, draft: Path, files: set[str]) -> None:
        """Name this run's folder the data set. Should it not be whole then, the one before is again."""
        text = _manifest_of(self.run, (draft / MANIFEST).read_bytes())
        self._put(MANIFEST, text)
        if self._read(MANIFEST) != text:
            raise published_meanwhile(self.shown)
        try:
            self._require_whole(files)
        except StoreError:
            if self.before is None:
                self._delete([MANIFEST])
            else:
                self._put(MANIFEST, self.before)
            raise

    def _own_claims(self) -> list[Claim]:
        """One; none, where another run has taken this one for dead."""
        return [claim for claim in claims.found(self._listing(), self._read) if claim.run == self.run]

    def _settle_dead(self, claim: Claim, owner: Owner, now: datetime) -> list[str]:
        """Remove what a killed run of the same development database left. Raises `TargetRefused` for others."""
        if claim.owner is not None and claim.owner != owner:
            raise TargetRefused(
                f"an upload to {self.shown} for [devdb.{claim.owner.name}] was begun and not finished",
                hint="choose another destination, or run that one again",
            )
        if claim.is_trial:
            self._delete(claims.names(claim.run))
            return []
        if not claims.is_dead(claim, now, self.workshop):
            raise claims.refused(self.shown, claim, now)
        self._settle(claim)
        return [f"removed what an interrupted upload left in {self.shown}"]

    def _settle(self, claim: Claim) -> None:
        """The end of a run: of its files and those it replaced, what the manifest does not name goes; then what it claimed."""
        text = self._read(MANIFEST)
        doomed = claim.gone if _folder(text) == claim.run else claim.files
        for name in sorted({*doomed} - _files(text)):
            self._delete([name])
        self._delete(claims.names(claim.run))

    def _require_first(self) -> None:
        """No other run was here before this one, and nobody took this one for dead."""
        listing = self._listing()
        mine = claims.names(self.run)
        if mine[0] not in listing:
            raise StoreError(
                f"another run has taken this one for dead, and removed its files from {self.shown}",
                why="it gave no sign of life for too long",
                hint="run again; nothing was published",
            )
        now = max(listing[name] for name in mine if name in listing)
        for claim in claims.found(listing, self._read):
            if claim.run == self.run:
                return
            if claim.owner is not None and not claims.is_dead(claim, now, self.workshop):
                raise claims.refused(self.shown, claim, now)

    def _require_whole(self, files: Iterable[str]) -> None:
        missing = sorted(set(files) - self._listing().keys())
        if missing:
            raise StoreError(
                f"{self.shown}/{missing[0]} is gone again",
                why="somebody else removes files there, or another run took this one for dead",
                hint="run again; nothing was published",
            )

    def _require_replaceable(self, owner: Owner, *, replace: bool) -> None:
        with calling(f"looking at {self.shown}"):
            listing = self._listing()
            runs = {*claims.runs(listing), self.run}  # what they have uploaded so far is no stranger's
            present = {n for n in listing if not claims.is_claim(n) and n.partition("/")[0] not in runs}
            text = self._read(MANIFEST) if MANIFEST in present else None
        require_unchanged(self.shown, self.before, text)
        require_replaceable(self.shown, text, present, owner, replace=replace)

    def _require_same(self, name: str, expected: str) -> None:
        """Read an object back, to its last byte."""
        if self._call(lambda: self._digest(name)) != expected:
            raise StoreError(
                f"{self.shown}/{name} reads otherwise than it was written",
                why="the store lost or changed bytes",
                hint="run again; nothing was published",
            )

    def _digest(self, name: str) -> str:
        found = hashlib.sha256()
        for piece in obstore.get(self.store, name).stream(min_chunk_size=_READ_BYTES):
            found.update(piece)
        return found.hexdigest()

    def _listing(self) -> dict[str, datetime]:
        """Every object below the prefix, and when it was last written by the store's clock."""
        pages = self._call(lambda: list(obstore.list(self.store)))
        return {str(item["path"]): item["last_modified"] for page in pages for item in page}

    def _read(self, name: str) -> bytes | None:
        try:
            return self._call(lambda: bytes(obstore.get(self.store, name).bytes()))
        except FileNotFoundError:
            return None

    def _put(self, name: str, content: bytes | IO[bytes]) -> None:
        self._call(lambda: obstore.put(self.store, name, content, chunk_size=_PART_BYTES))

    def _delete(self, names: list[str]) -> None:
        self._call(lambda: obstore.delete(self.store, names))


def _manifest_of(run: str, text: bytes) -> bytes:
    """The manifest of the draft, with the folder below which its files lie."""
    document = {**json.loads(text), "folder": run}
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _files(text: bytes | None) -> set[str]:
    """The objects a manifest names, itself included; none where it is not one of ours."""
    try:
        return listed_files(json.loads(text or b""))
    except (ValueError, KeyError, TypeError):
        return set()


def _folder(text: bytes | None) -> str:
    """Which run's data set stands."""
    try:
        return str(json.loads(text or b"").get("folder", ""))
    except (ValueError, AttributeError):
        return ""
