"""What a person waits for: the start of the program, and the two steps of the main job on real sample databases."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from tests.servers import Server, load_template, sample_file, throw_away_server, usable_programs

REPEATS = 3

_PAGILA = """
keep = ["public.country", "public.city", "public.language", "public.category"]
unclassified = "mask"
[[devdb.small.root]]
table = "public.customer"
limit = 100
"""
_GITLAB = """
unclassified = "mask"
[[devdb.small.root]]
table = "public.namespaces"
limit = 100
"""


def measure_commands() -> None:
    """Print the median wall time of each command, as a process of its own."""
    print("\ncommands (median of 3, each a process of its own)")
    report("penstock --version", timed(["--version"]))
    report("penstock --help", timed(["--help"]))
    if not sample_file("pagila").exists():
        print("  no sample databases beside this checkout: the main job was not timed")
        return
    with throw_away_server(usable_programs()) as server, tempfile.TemporaryDirectory() as place:
        for sample, devdb in (("gitlab", _GITLAB), ("pagila", _PAGILA)):
            folder = Path(place) / sample
            project(folder, server, load_template(server, sample), devdb)
            report(f"penstock dev plan, {sample}", timed(["-C", str(folder), "dev", "plan", "small"], {0, 4}))
        create, refresh = (["-C", str(folder), "dev", what, "small"] for what in ("create", "refresh"))
        timed(create, repeats=1)
        report(f"penstock dev refresh, {sample}, with its verification", timed(refresh))


def report(what: str, seconds: float) -> None:
    print(f"  {what:58} {seconds:6.2f} s")


def timed(arguments: list[str], fine: Collection[int] = (0,), *, repeats: int = REPEATS) -> float:
    """The median of some runs. One that fails ends the benchmark and shows what it said.

    A plan may end with 4: with GitLab's, by type alone, some columns would be refused, and the plan says which.
    """
    times = []
    for _ in range(repeats):
        started = time.monotonic()
        done = subprocess.run(
            [str(Path(sys.executable).with_name("penstock")), *arguments],
            env={**os.environ, "PENSTOCK_KEY": "0123456789abcdef" * 4},
            capture_output=True,
            text=True,
            check=False,
        )
        times.append(time.monotonic() - started)
        if done.returncode not in fine:
            raise SystemExit(
                f"penstock {' '.join(arguments)} failed with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
    return statistics.median(times)


def project(folder: Path, server: Server, source: str, devdb: str) -> None:
    """A project over a sample database, with the server as its target too."""
    folder.mkdir()
    login = f'host = "{server.host}"\nport = {server.port}\nuser = "{server.user}"\npassword = "${{BENCH_PASSWORD}}"'
    (folder / ".env").write_text(f"BENCH_PASSWORD={json.dumps(server.password)}\n")
    (folder / "penstock.toml").write_text(
        f'[project]\nname = "bench"\n'
        f'[connections.prod]\nrole = "source"\n{login}\ndbname = "{source}"\n'
        f'[connections.dev]\nrole = "target"\n{login}\ndbname = "postgres"\n'
        f'[devdb.small]\nsource = "prod"\ntarget = "dev"\ndatabase = "bench_{folder.name}"\n{devdb}'
    )
