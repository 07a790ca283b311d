"""`penstock dev create whole` with its stages timed, in a process of its own: FOLDER WORKERS."""

from __future__ import annotations

import json
import sys
import time

from penstock.api.project import Project
from penstock.devdb.progress import Silent


class Stages(Silent):
    """When each stage began, and how long it took."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}
        self.took: dict[str, float] = {}

    def start(self, task: str, total_rows: int | None = None) -> None:  # noqa: ARG002
        self.began[task] = time.monotonic()
        if task == "verify":
            print("verifying", flush=True)  # whose processor time it is from here on is another question

    def finish(self, task: str) -> None:
        self.took[task] = round(time.monotonic() - self.began[task], 2)


def main() -> None:
    stages = Stages()
    started = time.monotonic()
    Project.load(sys.argv[1]).create_dev("whole", jobs=int(sys.argv[2]), progress=stages)
    seconds = time.monotonic() - started
    print(json.dumps({"seconds": seconds, "proof": stages.took["verify"], "stages": stages.took}))


if __name__ == "__main__":
    main()
