"""Penstock beside what people do by hand, on a server of its own: `python -m benchmarks [--rows N] [--rounds N] [--only PART]`.

Makes the data, runs both in turn, and prints every round, ratios and peak memory. Nothing here decides whether a test passes.
"""

from __future__ import annotations

import argparse

from benchmarks.clone import measure_clone
from benchmarks.commands import measure_commands
from benchmarks.copy import measure_copy
from benchmarks.pruned import measure_prunes
from benchmarks.server import server
from benchmarks.tables import TABLES


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", choices=("copy", "clone", "prune", "commands"), help="one part instead of all"
    )
    arguments = parser.parse_args()

    def wanted(part: str) -> bool:
        return arguments.only in (None, part)

    with server() as running:
        for table in TABLES if wanted("copy") else ():
            measure_copy(running, table, arguments.rows, arguments.rounds)
        if wanted("clone"):
            measure_clone(running, arguments.rows, arguments.rounds)
        if wanted("prune"):
            measure_prunes(running, arguments.rows * 5 // 3)
    if wanted("commands"):
        measure_commands()


if __name__ == "__main__":
    main()
