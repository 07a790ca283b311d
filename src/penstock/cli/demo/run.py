"""The demo from end to end, by the same calls a team would make on its own project."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

from penstock.api.project import Project
from penstock.cli import dev_text
from penstock.cli.demo.home import DEVELOPER, PRODUCTION, READER, DemoHome
from penstock.cli.demo.sample import Sample, before_and_after
from penstock.cli.demo.shop import build_shop
from penstock.cli.output import emit, emit_json, progress, style, table, talk
from penstock.devdb.created import Created
from penstock.engines.postgres.embedded import EmbeddedServer
from penstock.errors import UsageError

DEVDB = "small"


def run(home: DemoHome, *, as_json: bool) -> None:
    """Build the shop, propose masks, plan, create, verify, and show what came of it."""
    started = time.monotonic()
    home.prepare()
    with _step() as said:
        server = home.server()
        server.start()
        home.write_project(server)
        said.append(f"server: PostgreSQL on {server.host}:{server.port}")
    with _step() as said:
        made = build_shop(home, server)
        said.append(f"production: the database {PRODUCTION} was {'made' if made else 'there already'}")
    project = Project.load(home.folder)
    with _step() as said:
        found = project.discover()
        proposed, still_open = len(found.discovery.certain), len(found.discovery.open)
        said.append(
            f"masks.toml: {found.already_decided} columns decided before, {proposed} proposed, {still_open} open"
        )
    with _step() as said:
        plan = project.plan_dev(DEVDB)
        said.append(
            f"plan {DEVDB}: {plan.rows:,} rows of {sum(bool(item.rows) for item in plan.tables)} tables"
        )
    exists = any(listed.name == DEVDB and listed.state == "ready" for listed in project.list_dev())
    with progress() as shown:
        make = project.refresh_dev if exists else project.create_dev
        created = make(DEVDB, progress=shown)
    database = plan.database
    source = project.settings.connection("prod")
    target = project.settings.connection("dev").with_database(database)
    samples = before_and_after(source, target)
    seconds = time.monotonic() - started
    if as_json:
        emit_json(_as_dict(home, server, created, samples, seconds))
    else:
        _show(home, server, created, "refreshed" if exists else "created", samples, seconds)


def end(home: DemoHome, *, remove: bool) -> None:
    """Stop the server of a demo, or remove the demo altogether."""
    if not home.exists:
        raise UsageError(f"there is no demo in {home.folder}", hint="penstock demo --stop OTHER-FOLDER")
    if remove:
        home.remove()
        talk(f"removed {home.folder} and its databases")
        return
    home.server().stop()
    talk(f"stopped; start it again: penstock demo {home.folder}")


@contextmanager
def _step() -> Iterator[list[str]]:
    """Says what a step put into the list, and how long it took."""
    started = time.monotonic()
    said: list[str] = []
    yield said
    talk(f"{', '.join(said)} ({time.monotonic() - started:.1f} s)")


def _show(
    home: DemoHome, server: EmbeddedServer, created: Created, verb: str, samples: list[Sample], seconds: float
) -> None:
    plan = created.plan
    emit()
    emit(style(f"Done in {seconds:.0f} s: a masked development database of a made-up shop.", bold=True))
    emit()
    rows = [
        (item.table.removeprefix("public."), item.role, _count(item.source_rows), f"{item.rows:,}")
        for item in plan.tables
    ]
    table(
        [*rows, ("all", "", "", f"{created.rows:,}")],
        ("TABLE", "ROLE", "IN PRODUCTION", "COPIED"),
        right=(2, 3),
    )
    emit()
    masks = Counter(column.mask for column in plan.columns)
    kept = masks.pop("keep", 0)
    emit(f"{sum(masks.values())} columns masked, {kept} kept.")
    emit(dev_text.created(created, verb))
    emit()
    emit("One customer, production in shape only:")
    emit()
    table(
        [(item.column, item.source_shape, item.target_value) for item in samples],
        ("COLUMN", "PRODUCTION (SHAPE)", "DEVELOPMENT"),
    )
    emit()
    psql = f"PGPASSFILE={quote(str(home.password_file))} {_program('psql', server.programs)}"
    psql += f" -h {server.host} -p {server.port}"
    penstock = _program("penstock", Path(sys.executable).parent)
    emit("The databases, for as long as the server runs:")
    emit(f"  production   {psql} -U {READER} {PRODUCTION}")
    emit(f"  development  {psql} -U {DEVELOPER} {plan.database}")
    emit()
    emit("Try next:")
    emit(f"  cd {quote(str(home.folder))}")
    width = max(len(line) for line, _ in _NEXT)
    for line, meaning in _NEXT:
        emit(f"  {(penstock + ' ' + line):<{len(penstock) + width + 1}}   {meaning}")


_NEXT = (
    ("masks list --columns", "every column's decision (they stand in masks.toml)"),
    ("masks preview", "source shapes beside masked values"),
    (f"dev plan {DEVDB}", "exact rows, masks, warnings; writes nothing"),
    (f"dev why {DEVDB} public.stores 1", "why a row came along"),
    (f'dev add {DEVDB} --root "public.orders:order_id = 7"', "today's problem, on top of the copy"),
    (f"dev verify {DEVDB}", "prove it again"),
    ("doctor", "is this project set up safely?"),
    ("demo --stop .", "stop the server (--remove deletes everything)"),
)


def _program(name: str, folder: Path) -> str:
    """A program as one can type it here: by its name where the shell finds it, else with its folder."""
    return name if shutil.which(name) else quote(str(folder / name))


def _count(rows: int | None) -> str:
    return "" if rows is None else f"~{rows:,}"


def _as_dict(
    home: DemoHome, server: EmbeddedServer, created: Created, samples: list[Sample], seconds: float
) -> dict[str, Any]:
    return {
        "folder": home.folder,
        "host": server.host,
        "port": server.port,
        "production": PRODUCTION,
        "development": created.plan.database,
        "rows": created.rows,
        "bytes": created.bytes,
        "verified": created.verification.passed,
        "manifest": created.manifest_path,
        "samples": samples,
        "seconds": round(seconds, 1),
    }
