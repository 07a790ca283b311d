"""Run by test_kills.py in a process of its own: publish a small data set, and die by SIGKILL at the Nth step.

    python killed.py N KIND PLACE CONTENT [ENDPOINT ACCESS SECRET]

A step is anything that changes the file system (Python's audit events) or a call to the object store.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

number, kind, place, content, *access = sys.argv[1:]
STATE = {"left": int(number), "armed": False}
STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}


def step() -> None:
    STATE["left"] -= 1
    if STATE["left"] == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if STATE["armed"] and (event in STEPS or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))):
        step()


def main() -> None:
    from penstock.lake import folder
    from penstock.lake.dataset import Owner, described, write_manifest
    from penstock.lake.folder import FolderDestination
    from penstock.lake.staging import contents

    if kind.startswith("folder"):
        if kind == "folder without exchange":
            folder.exchange = lambda *_: False
        destination: Any = FolderDestination(Path(place))
    else:
        import obstore

        from penstock.lake.bucket import BucketDestination
        from penstock.lake.store import open_bucket
        from penstock.project.lakes import LakeSettings
        from penstock.project.secret import Secret

        endpoint, key, secret = access
        lake = LakeSettings(
            "x", "s3://team", endpoint, "us-east-1", Secret(key, "test"), Secret(secret, "test")
        )
        for name in ("put", "delete"):
            real = getattr(obstore, name)

            def counted(*arguments: Any, real: Any = real, **named: Any) -> Any:
                step()
                return real(*arguments, **named)

            setattr(obstore, name, counted)
        store = open_bucket(lake, "team", "set")
        destination = BucketDestination("s3://team/set", store, Path(place))
    owner = Owner("test", "small")
    sys.addaudithook(watch)
    STATE["armed"] = True
    destination.prepare(owner, replace=True)
    with destination.stage() as draft:
        for name in ("one", "two"):
            (draft / f"{content}-{name}").mkdir()
            (draft / f"{content}-{name}" / "part").write_text(content + name)
        document = {
            "project": "test",
            "name": "small",
            "content": content,
            "files": [described(draft, name) for name in contents(draft)],
        }
        write_manifest(draft, document)
        destination.publish(draft, owner, replace=True)
    STATE["armed"] = False


main()
