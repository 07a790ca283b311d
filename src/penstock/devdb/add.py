"""`dev add`: top up an existing copy with fresh rows and what they need, consistent with what is there.

One transaction in the target, from the first row to the manifest: whatever ends it before its commit (Ctrl-C, a killed
process or server, a full disk, a finding of the verification) leaves the copy as it was, its sequences included.
"""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.catalog.model import TableName
from penstock.devdb import debris, manifest, roles, verify
from penstock.devdb.added import name_roots
from penstock.devdb.building.insert import Inserted, insert_missing
from penstock.devdb.config import RootSettings
from penstock.devdb.context import Context
from penstock.devdb.inspect import require_there
from penstock.devdb.manifest import Manifest
from penstock.devdb.ours import require_ours
from penstock.devdb.planning.plan import Plan
from penstock.devdb.planning.subset import Subset
from penstock.devdb.prepare import prepare
from penstock.devdb.progress import Progress
from penstock.engines.postgres.session import Session
from penstock.errors import Finding, TargetRefused, UsageError


@dataclass(frozen=True, slots=True)
class Added:
    """What `add` did, per table."""

    name: str
    database: str
    inserted: Mapping[str, int]
    present: Mapping[str, int]  # rows of the closure whose key was there already
    warnings: tuple[str, ...]
    seconds: float
    manifest_path: Path
    verification: verify.Verification

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "database": self.database,
            "inserted": dict(self.inserted),
            "present": dict(self.present),
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 3),
            "manifest": str(self.manifest_path),
            "verification": self.verification.as_dict(),
        }


def parse_root(text: str) -> RootSettings:
    """`TABLE:WHERE`. Raises `UsageError`."""
    table, colon, where = text.partition(":")
    if not colon or not table.strip() or not where.strip():
        raise UsageError(
            f"{text!r} is no TABLE:WHERE",
            hint='penstock dev add small --root "public.orders:order_id = 4711"',
        )
    return RootSettings(table=table.strip(), where=where.strip())


def add(context: Context, roots: Sequence[str], progress: Progress) -> Added:
    """Add the rows `roots` select, and what they need. All or nothing; a root without a row is a `Finding`."""
    started = time.monotonic()
    settings = dataclasses.replace(
        context.settings,
        strategy="subset",  # what is added to a pruned copy is read from the source all the same
        root=tuple(map(parse_root, roots)),
        keep=(),
        delete=(),
        protect=(),
        from_database="",
    )
    chosen = dataclasses.replace(context, settings=settings)
    manifest.require_folder(context.state_dir)
    require_there(context)
    with (
        context.target_session() as maintenance,
        debris.build_lock(maintenance, context.database),
        context.target_session(context.database) as target,
        context.source_session() as source,
    ):
        made = _made(context, target)
        prepared = prepare(chosen, source, progress)
        prepared.require()
        _require_same_masks(context, prepared.plan, made)
        names = name_roots(context, prepared, source)
        subset = dataclasses.replace(prepared.subset, keep=_kept(prepared.subset, made.document))
        with target.transaction():
            inserted = insert_missing(subset, source, target, progress)
            if subset.large_objects:
                roles.hand_over_large_objects(context, target)
            found = _verify(context, subset, source, target, inserted, progress)
            new = _manifest(made, inserted, {"roots": names, "verification": found.as_dict()})
            manifest.write(target, new)
    path = manifest.save(new, context.state_dir)
    return Added(
        context.name,
        context.database,
        {str(n): c for n, c in inserted.rows.items()},
        {str(n): c for n, c in inserted.present.items()},
        inserted.warnings,
        time.monotonic() - started,
        path,
        found,
    )


def _made(context: Context, target: Session) -> Manifest:
    made = require_ours(context, manifest.read(target))
    if made.document["key_fingerprint"] != context.keys.fingerprint:
        raise TargetRefused(
            f"{context.database} was made with another key",
            why="the same person would get another pseudonym",
            hint=f"penstock dev refresh {context.name}",
        )
    return made


def _require_same_masks(context: Context, plan: Plan, made: Manifest) -> None:
    """Raise `TargetRefused` where a column is masked otherwise now: one person would have two pseudonyms in one copy."""
    before = made.document["rules"]
    changed = [c.column for c in plan.columns if c.column in before and before[c.column] != c.rule]
    if changed:
        raise TargetRefused(
            f"{changed[0]} is masked otherwise than in {context.database}"
            + (f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""),
            why="the rows there and the fresh ones would not belong together",
            hint=f"penstock dev refresh {context.name}",
        )


def _kept(subset: Subset, document: Mapping[str, Any]) -> frozenset[TableName]:
    roles = {text: entry["role"] for text, entry in document["tables"].items()}
    return frozenset(name for name in subset.catalog.leaves if roles.get(str(name)) == "keep")


def _verify(
    context: Context, subset: Subset, source: Session, target: Session, inserted: Inserted, progress: Progress
) -> verify.Verification:
    progress.start("verify")
    found = verify.verify(subset, source, target, progress, expected=inserted.after, in_use=True)
    progress.finish("verify")
    if not found.passed:
        raise Finding(
            f"nothing was added to {context.database}: {found.headline}",
            problems=found.problems,
            hint=f"penstock dev verify {context.name}",
        )
    return found


def _manifest(made: Manifest, inserted: Inserted, outcome: Mapping[str, Any]) -> Manifest:
    """What the copy is now: what it was, and what came."""
    after = {str(name): rows for name, rows in inserted.after.items()}
    tables = made.document["tables"].items()
    document = {
        **made.document,
        "added": {str(name): rows for name, rows in inserted.rows.items() if rows},
        "tables": {text: {**entry, "rows": after.get(text, entry["rows"])} for text, entry in tables},
        "warnings": [*made.document["warnings"], *inserted.warnings],
        **outcome,
    }
    return Manifest(secrets.token_hex(6), "add", manifest.now(), document)
