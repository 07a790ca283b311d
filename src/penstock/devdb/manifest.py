"""The manifest: what a development database is, kept inside it (`penstock.manifest`) and as JSON beside the project.

Who ran what, from which source and snapshot, by which rules, with which key (its fingerprint), which mask on
which column, which rows stayed real, and what the verification saw. It holds no row value and no secret.
"""

from __future__ import annotations

import getpass
import json
import platform
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penstock._version import __version__
from penstock.catalog.model import MANIFEST, MANIFEST_COLUMNS, TableName, quote_literal
from penstock.devdb.planning.plan import Plan
from penstock.engines.postgres.session import Session
from penstock.errors import ConfigError

_DDL = f"""
CREATE SCHEMA IF NOT EXISTS {MANIFEST.schema};
CREATE TABLE IF NOT EXISTS {MANIFEST} (
    run_id     text        PRIMARY KEY,
    created_at timestamptz NOT NULL,
    operation  text        NOT NULL,
    document   jsonb       NOT NULL
);
COMMENT ON TABLE {MANIFEST} IS 'made by Penstock: what this database is and where it comes from';
"""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One run that wrote a development database."""

    run_id: str
    operation: str  # create | refresh | template | copy | reset | add | export | scrub
    created_at: str
    document: Mapping[str, Any]

    @property
    def read_at(self) -> str:
        """When production was read: what is made from a template or another copy is younger than its rows."""
        made_of = {**self.document.get("template", {}), **self.document.get("pruned_from", {})}
        return str(made_of.get("read_at") or made_of.get("made_at") or self.created_at)

    def as_dict(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "operation": self.operation,
            "created_at": self.created_at,
            **self.document,
        }


def make(
    run_id: str,
    operation: str,
    plan: Plan,
    *,
    project: str,
    source_identity: Mapping[str, Any],
    verification: Mapping[str, Any],
    left_out: list[str],
    seconds: float,
    made_from: Mapping[str, Any],
    rows: Mapping[TableName, int] | None = None,
) -> Manifest:
    """The manifest of a run that has just been verified; `rows` are those it wrote (default: those of the plan)."""
    written = {str(table): count for table, count in (rows or {}).items()}
    document = {
        "project": project,
        "name": plan.name,
        "database": plan.database,
        "penstock": __version__,
        "by": who(),
        "source": {"connection": plan.source, **source_identity},
        "rules_hash": plan.rules_hash,
        "settings": without_literals(plan.settings),
        "key_fingerprint": plan.key_fingerprint,
        "tables": {
            t.table: {"role": t.role, "rows": t.rows if rows is None else written.get(t.table, 0)}
            for t in plan.tables
        },
        "masks": {c.column: c.mask for c in plan.columns},
        "rules": {c.column: c.rule for c in plan.columns},
        "claims": {c.column: c.codomain for c in plan.columns},
        "real": without_literals(list(plan.real)),
        "nulled": list(plan.nulled),
        "dangling": list(plan.dangling),
        "warnings": list(plan.warnings),
        "left_out": left_out,
        "made_from": made_from,
        "verification": verification,
        "seconds": round(seconds, 3),
    }
    return Manifest(run_id, operation, now(), document)


# What may stand in a condition and quote a row: strings of all spellings, comments, and numbers as long as a phone number.
_QUOTED_NAME = r'"(?:[^"]|"")*"'
_LITERAL = re.compile(
    rf"""({_QUOTED_NAME})|(?<!\w)[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(\w*)\$.*?\$\2\$|(?<![\w.])\d{{5,}}"""
    r"|(--)[^\n\r]*|(/\*)",
    re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")


def without_literals(value: Any) -> Any:
    """Rules as a copy may hold them: somebody who looks for `email = 'a@b.c'` must not tell everyone in the manifest."""
    if isinstance(value, str):
        return "".join(_without_literals(value))
    if isinstance(value, Mapping):
        return {key: without_literals(item) for key, item in value.items()}
    return [without_literals(item) for item in value] if isinstance(value, list | tuple) else value


def _without_literals(text: str) -> Iterator[str]:
    at = 0
    while found := _LITERAL.search(text, at):
        yield text[at : found.start()]
        name, _, line, block = found.groups()
        yield name or ("--…" if line else "/*…*/" if block else "'…'")
        at = _comment_end(text, found.start()) if block else found.end()
    yield text[at:]


def _comment_end(text: str, at: int) -> int:
    """Where the comment ends that begins there: PostgreSQL's stand within one another."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return len(text)


def now() -> str:
    """The time of day, UTC, as manifests write it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write(target: Session, manifest: Manifest) -> None:
    """Put the manifest into the target. Part of the caller's transaction, if there is one."""
    target.execute(_DDL, doing="writing the manifest")
    values = ", ".join(
        quote_literal(text)
        for text in (
            manifest.run_id,
            manifest.created_at,
            manifest.operation,
            json.dumps(manifest.document, sort_keys=True, default=str),
        )
    )
    target.execute(
        f"INSERT INTO {MANIFEST} (run_id, created_at, operation, document) VALUES ({values})",
        doing="writing the manifest",
    )


def read(target: Session) -> tuple[Manifest, ...]:
    """The manifests of a database, oldest first; none where it is not ours."""
    columns = target.fetchval(
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute "
        "WHERE attrelid = pg_catalog.to_regclass($1) AND attname = ANY($2::text[])",
        str(MANIFEST),
        list(MANIFEST_COLUMNS),
    )
    if columns != len(MANIFEST_COLUMNS):
        return ()
    return tuple(
        Manifest(row["run_id"], row["operation"], row["at"], json.loads(row["document"]))
        for row in target.fetch(
            "SELECT run_id, operation, created_at::text AS at, document::text "
            f"FROM {MANIFEST} ORDER BY created_at, ctid"  # two runs in one second: as they were written
        )
    )


def last_made(manifests: Sequence[Manifest]) -> Manifest:
    """Of the runs that wrote a database the one that made it, not one that only added rows."""
    return next((m for m in reversed(manifests) if m.operation != "add"), manifests[-1])


def require_folder(state_dir: Path) -> Path:
    """Where manifests go as JSON. Raises `ConfigError` when nothing can be written there: asked before the work."""
    folder = state_dir / "manifests"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ConfigError(
            f"nothing can be written into {folder}",
            why=error.strerror or "",
            hint="mend or remove it, and run again",
        ) from None


def save(manifest: Manifest, state_dir: Path) -> Path:
    """Write the manifest as JSON below the project's state directory; returns the file."""
    path = require_folder(state_dir) / f"{manifest.document['database']}-{manifest.run_id}.json"
    text = json.dumps(manifest.as_dict(), indent=1, sort_keys=True, default=str) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the manifest could not be written to {path}",
            why=error.strerror or "",
            hint="nothing is lost: the database is complete, and holds its manifest too",
        ) from None
    return path


def who() -> str:
    """The account and the machine a run is started from."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without a passwd entry
        user = "unknown"
    return f"{user}@{platform.node()}"
