"""Who writes to a prefix of a bucket: each run says so in objects of its own, before it uploads and until it is done.

`_writing.RUN.json` names the files to come and those that go, `_writing.RUN.alive` is put again every minute. Of two runs the one
whose claim the store saw first goes on, the other withdraws. A run that has given no sign of life for ten minutes, or
whose draft on this machine is gone, is dead: whoever comes next removes what it left. Only the store's clock is read.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from penstock.errors import TargetRefused
from penstock.lake.dataset import Owner

SILENCE = timedelta(minutes=10)
_SIGN_EVERY_SECONDS = 60.0
_PATIENCE_SECONDS = 1.0
_NAME = re.compile(r"_writing\.([0-9a-f]{16})\.(json|alive|trial)")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a run has said it does."""

    run: str
    since: datetime
    seen: datetime  # its last sign of life
    owner: Owner | None  # None: what it said cannot be read
    is_trial: bool = False  # it has only tried whether it may write
    files: tuple[str, ...] = ()  # to come
    gone: tuple[str, ...] = ()  # those of the data set it replaces
    machine: str = ""
    draft: str = ""  # where on that machine it makes its files

    @property
    def order(self) -> tuple[datetime, str]:
        return self.since, self.run


def names(run: str) -> list[str]:
    """The objects a claim consists of, which all may be absent."""
    return [f"_writing.{run}.{kind}" for kind in ("json", "alive", "trial")]


def is_claim(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def runs(listing: Iterable[str]) -> set[str]:
    """Those that say something there."""
    return {match[1] for name in listing if (match := _NAME.fullmatch(name))}


def document(owner: Owner, draft: Path, files: Iterable[str], gone: Iterable[str]) -> bytes:
    """The text of `_writing.RUN.json`. It tells no strangers which machine it was."""
    said = {
        "project": owner.project,
        "name": owner.name,
        "files": sorted(files),
        "gone": sorted(gone),
        "machine": machine(draft.parent),
        "draft": draft.name,
    }
    return json.dumps(said, ensure_ascii=False).encode()


def machine(folder: Path) -> str:
    """This machine and a folder of it, as a hash."""
    said = f"{platform.node()}\n{uuid.getnode()}\n{folder.resolve()}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def found(listing: Mapping[str, datetime], read: Callable[[str], bytes | None]) -> Iterator[Claim]:
    """The claims among these objects, first the one the store saw first. A trial or a sign of life alone is one, too."""
    claims = []
    for run in runs(listing):
        times = [listing[name] for name in names(run) if name in listing]
        since = listing.get(names(run)[0], min(times))
        text = read(names(run)[0])
        trial = Claim(run, since, max(times), None, is_trial=True)
        claims.append(trial if text is None else _read(run, since, max(times), text))
    yield from sorted(claims, key=lambda claim: claim.order)


def _read(run: str, since: datetime, seen: datetime, text: bytes) -> Claim:
    unreadable = Claim(run, since, seen, None)
    try:
        said: dict[str, Any] = json.loads(text)
        files, gone = tuple(map(str, said["files"])), tuple(map(str, said["gone"]))
        owner = Owner(str(said["project"]), str(said["name"]))
        where, draft = str(said["machine"]), str(said["draft"])
    except (ValueError, KeyError, TypeError):
        return unreadable
    if not all(name.startswith(f"{run}/") for name in files):  # a run writes below its own name only
        return unreadable
    return Claim(run, since, seen, owner, files=files, gone=gone, machine=where, draft=draft)


def is_dead(claim: Claim, now: datetime, workshop: Path) -> bool:
    """Whether its run has ended without a word. Debris in the workshop has been removed before."""
    if now - claim.seen > SILENCE:
        return True
    return claim.machine == machine(workshop.parent) and not (workshop.parent / claim.draft).exists()


def refused(shown: str, claim: Claim, now: datetime) -> TargetRefused:
    """The error for who comes second."""
    age = max(0, round((now - claim.seen).total_seconds()))
    minutes = SILENCE.total_seconds() / 60
    return TargetRefused(
        f"another run is writing to {shown}",
        why=f"its last sign of life is {age} s old",
        hint="let it finish, then run again with --replace; if it was killed on another machine, run again "
        f"{minutes:.0f} minutes after that sign: what it left is removed then",
    )


@contextmanager
def signs_of_life(put: Callable[[], None]) -> Iterator[None]:
    """Call `put` every minute until the block ends; what fails is tried again a minute later."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(_SIGN_EVERY_SECONDS):
            with suppress(Exception):
                put()

    thread = threading.Thread(target=work, name="penstock-alive", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        over.set()
        thread.join(_PATIENCE_SECONDS)  # a sign that comes later is removed by the next run
        raise
    over.set()
    thread.join()
