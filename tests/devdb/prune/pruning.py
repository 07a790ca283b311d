"""Prune a copy of a test database by the engine alone, without masks, manifest or verification, and say what it holds."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penstock.catalog.graph import RelationGraph
from penstock.devdb.closure import RootRule, compute
from penstock.devdb.closure.rowset import blocks_of, offsets_of
from penstock.devdb.config import DevdbSettings
from penstock.devdb.context import Context
from penstock.devdb.planning.choosing import rows_in
from penstock.devdb.planning.obstacles import cut_columns
from penstock.devdb.planning.rules import look_up
from penstock.devdb.planning.ways import ways
from penstock.devdb.progress import Silent
from penstock.devdb.prune.engine import Task, prune
from penstock.devdb.prune.reading import reading
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.masks.keys import Keyring
from penstock.policy.registry_file import Registry
from tests.servers import Database, unique_name

Content = dict[str, list[str]]
KEYS = Keyring(bytes(range(32)))


def context_of(database: Database, settings: DevdbSettings) -> Context:
    return Context(
        project="test",
        name="small",
        settings=settings,
        source=database.settings_as("source"),
        target=database.settings_as("target"),
        keys=KEYS,
        registry=Registry(),
        state_dir=Path("/nonexistent"),
        root=Path("/nonexistent"),
        overrides={},
        target_is_own=False,
        held_back=frozenset(),
        section_database=settings.database or "small",
    )


def content(database: Database) -> Content:
    """Every table's own rows as text, sorted."""
    return {
        name: sorted(text for (text,) in database.rows(f"SELECT t::text FROM ONLY {name} t"))
        for name in tables(database)
    }


def tables(database: Database) -> list[str]:
    return [
        name
        for (name,) in database.rows(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        )
    ]


def subset_of(database: Database, settings: DevdbSettings) -> Content:
    """What a subset of the same roots would hold: the closure, read by address."""
    with Session.open(database.settings, read_only=True) as session:
        session.begin_snapshot()
        catalog = reflect(session)
        rules = look_up(catalog, settings, "small")
        roots = [RootRule(t, r.where, r.limit, r.percent, r.order_by) for t, r in rules.roots]
        closure = compute(
            session, catalog, RelationGraph.of(catalog), roots=roots, keep=rules.keep, keys=KEYS
        )
        found: Content = {name: [] for name in tables(database)}
        for table, rows in closure.rows.items():
            for number, leaf in enumerate(catalog.leaves[table]):
                own = [
                    f'"({b},{o})"'
                    for ids in rows.blocks(leaf=number)
                    for b, o in zip(blocks_of(ids).tolist(), offsets_of(ids).tolist(), strict=True)
                ]
                text = "{" + ",".join(own) + "}"
                query = f"SELECT t::text FROM ONLY {leaf.sql} t WHERE ctid = ANY ($1::text::tid[])"
                name = database.value("SELECT format('%I.%I', $1::text, $2::text)", leaf.schema, leaf.table)
                found[name] = sorted(row for (row,) in database.rows(query, text))
        return found


@contextmanager
def copied(database: Database) -> Iterator[Database]:
    """A copy of the database, gone in the end."""
    copy = database.server.create(unique_name("pruned"), template=database.name)
    try:
        yield copy
    finally:
        database.server.drop(copy.name)


def pruned(copy: Database, settings: DevdbSettings, *, way: str | None = None, **options: Any) -> list[str]:
    """Prune it in place; with `way`, every table of which some rows go takes that one. Returns the ways taken."""
    options.setdefault("jobs", 1)
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), copy)
        context = dataclasses.replace(context_of(copy, settings), root=Path(folder))
        return _pruned(context, copy, settings, way, options)


def write_project(folder: Path, database: Database) -> None:
    """What a worker reads: connections and the key."""
    server = database.server
    (folder / ".env").write_text(f"PENSTOCK_KEY={bytes(range(32)).hex()}\nPASSWORD='{server.password}'\n")
    fields = {"host": server.host, "port": server.port, "user": server.user, "dbname": "postgres"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
    lines += ['password = "${PASSWORD}"'] if server.password else []
    connections = [
        "\n".join((f"[connections.{role}]", f'role = "{role}"', *lines)) for role in ("source", "target")
    ]
    (folder / "penstock.toml").write_text(
        "\n".join(('[project]\nname = "test"', *connections, "[devdb.small]\n"))
    )
    (folder / "masks.toml").write_text("")


def _pruned(
    context: Context, copy: Database, settings: DevdbSettings, way: str | None, options: dict[str, Any]
) -> list[str]:
    with reading(context, copy.name) as session:
        catalog, _, going = rows_in(context, session, Silent())
    rules = look_up(catalog, settings, "small")
    nulled = dict(cut_columns(catalog, rules)[0]) if rules.roots else {}
    found = ways(catalog, going, nulled, options.get("vacuum", "full"))
    if way is not None:
        found = tuple(
            dataclasses.replace(w, kind=way)  # type: ignore[arg-type]
            if w.kind in ("delete", "rewrite")
            else w
            for w in found
        )
    prune(context, copy.name, Task(catalog, going, found, nulled, **options), Silent())
    return [w.kind for w in found]
