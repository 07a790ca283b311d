"""How long a developer's own database takes: `dev create --from-template` of about 1 GB, and what of it the files take.

`python -m benchmarks.templates [--rows N] [--programs FOLDER]`. Compared with the server's two ways to copy a template.
Nothing is masked: how long a copy takes does not depend on that. Whether the file system under the server shares blocks is
tried, not guessed.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.server import OPTIONS, psql
from benchmarks.tables import TABLES
from penstock.api.project import Project
from penstock.engines.postgres.embedded import (
    EmbeddedServer,
    reachable_directory,
    system_programs,
    wheel_programs,
)

ROUNDS = 3
COLUMNS = ("first_name", "last_name", "email", "phone", "token", "born", "note")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.templates", description=__doc__)
    parser.add_argument("--rows", type=int, default=3_600_000)
    parser.add_argument("--programs", type=Path, default=system_programs() or wheel_programs())
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        running = EmbeddedServer(
            reachable_directory(place / "server"),
            programs=arguments.programs,
            password=secrets.token_urlsafe(12),
            options=OPTIONS,
        )
        try:
            running.start()
            measure(running, place, arguments.rows)
        finally:
            running.stop()


def measure(running: EmbeddedServer, place: Path, rows: int) -> None:
    table = TABLES[0]
    psql(running, "postgres", "CREATE DATABASE source")
    psql(running, "source", table.ddl)
    psql(running, "source", table.fill.format(rows=rows))
    psql(
        running,
        "source",
        "ALTER TABLE bench ADD COLUMN penstock_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    )
    psql(running, "source", "VACUUM ANALYZE bench")
    project = Project.load(written(place / "project", running, COLUMNS))
    started = time.monotonic()
    made = project.template_dev("small")
    print(f"PostgreSQL {psql(running, 'postgres', 'SHOW server_version')}, {rows:,} rows")
    print(f"  file system: {file_system(running.data)}")
    print(
        f"  dev create --template, unmasked       {time.monotonic() - started:7.2f} s   ({made.rows:,} rows)"
    )
    copied = []
    for number in range(ROUNDS):
        psql(running, "postgres", "CHECKPOINT")
        one = project.copy_dev("small", database=f"ann_{number}")
        copied.append(one)
        print(
            f"  dev create --from-template            {one.seconds:7.2f} s   "
            f"of them files {one.copy_seconds:.2f} s, {one.how}; {one.size_bytes / 1e9:.2f} GB"
        )
        project.drop_dev("small", database=f"ann_{number}")
    for strategy in ("STRATEGY FILE_COPY", "STRATEGY WAL_LOG"):
        for _ in range(ROUNDS):
            psql(running, "postgres", "CHECKPOINT")
            started = time.monotonic()
            psql(running, "postgres", f"CREATE DATABASE plain TEMPLATE small__template {strategy}")
            print(f"  CREATE DATABASE … {strategy:20}{time.monotonic() - started:7.2f} s")
            psql(running, "postgres", "DROP DATABASE plain")


def file_system(data: Path) -> str:
    """Its name, and whether a file of the server could be cloned there."""
    name = subprocess.run(
        ["stat", "-f", "-c", "%T", data], capture_output=True, text=True, check=True
    ).stdout.strip()
    clone = data / "penstock-clone"
    tried = subprocess.run(
        ["cp", "--reflink=always", data / "PG_VERSION", clone], capture_output=True, text=True, check=False
    )
    clone.unlink(missing_ok=True)
    return f"{name}, " + (
        "shares blocks" if tried.returncode == 0 else f"cannot share blocks ({tried.stderr.strip()[-60:]})"
    )


def written(folder: Path, running: EmbeddedServer, columns: tuple[str, ...]) -> Path:
    """A project over the server, which is its target too."""
    folder.mkdir()
    login = f'host = "{running.host}"\nport = {running.port}\nuser = "{running.user}"\npassword = "${{BENCH_PASSWORD}}"'
    (folder / ".env").write_text(
        f"BENCH_PASSWORD={json.dumps(running.password)}\nPENSTOCK_KEY={os.urandom(32).hex()}\n"
    )
    (folder / "penstock.toml").write_text(
        f'[project]\nname = "bench"\n'
        f'[connections.prod]\nrole = "source"\n{login}\ndbname = "source"\n'
        f'[connections.dev]\nrole = "target"\n{login}\ndbname = "postgres"\n'
        '[devdb.small]\nkeep = ["public.bench"]\n'
    )
    (folder / "masks.toml").write_text("[public.bench]\n" + "".join(f'{c} = "keep"\n' for c in columns))
    return folder


if __name__ == "__main__":
    main()
