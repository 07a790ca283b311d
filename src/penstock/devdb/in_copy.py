"""Whether a development database holds a row: the copy is of the moment it was made, and people write into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from penstock.catalog.model import TableName, quote_identifier
from penstock.devdb import databases, manifest
from penstock.devdb.context import Context
from penstock.devdb.ours import require_ours
from penstock.engines.postgres.session import Session


class Copy:
    """The development database, if there is one: what it holds, and which runs wrote it."""

    def __init__(self, context: Context, target: Session | None) -> None:
        self._context = context
        self._target = target
        self.manifests = manifest.read(target) if target else ()
        if target:
            require_ours(context, self.manifests)
        self.made = manifest.last_made(self.manifests) if self.manifests else None

    def has(
        self, name: TableName, columns: Sequence[str], values: Sequence[str], *, masked: bool
    ) -> bool | None:
        """Whether it has a row with that key; None where nobody can tell."""
        if self._target is None or self.made is None or (masked and self._has_another_key):
            return None
        there = self._target.fetchval(
            "SELECT count(*) FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass($1) "
            "AND attname = ANY($2::text[]) AND NOT attisdropped",
            name.sql,
            list(columns),
        )
        if there != len(columns):  # a table that is skipped, or newer than the copy
            return False
        condition = " AND ".join(f"t.{quote_identifier(c)}::text = ${i + 1}" for i, c in enumerate(columns))
        found = self._target.fetchval(
            f"SELECT EXISTS (SELECT FROM {name.sql} t WHERE {condition})",
            *values,
            doing=f"looking for a row of {name} in {self._context.database}",
        )
        return bool(found)

    @property
    def _has_another_key(self) -> bool:
        return (
            self.made is not None and self.made.document["key_fingerprint"] != self._context.keys.fingerprint
        )

    def said(self, *, has_it: bool | None, included: bool) -> str:
        """What is to be known of the copy, beside a path on the source as it is now."""
        name = self._context.name
        if self.made is None:
            return f"there is no copy yet; the path is that of one made now: penstock dev create {name}"
        copy = f"the copy made {self.made.created_at[:16]}"
        match has_it, included:
            case None, _:
                return f"whether {copy} has it cannot be told: it was made with another key"
            case True, True:
                return f"it is in {copy}; the path is that of the source as it is now"
            case True, False:
                return f"it is in {copy}, but one made now would not have it"
            case False, True:
                return f"it is not in {copy}, but one made now would have it: penstock dev refresh {name}"
        return f"it is not in {copy} either"


@contextmanager
def copy_of(context: Context) -> Iterator[Copy]:
    """The copy of the section, which may not exist yet. Raises `TargetRefused` where it is not ours."""
    with context.target_session() as maintenance:
        there = databases.exists(maintenance, context.database)
    if not there:
        yield Copy(context, None)
        return
    with context.target_session(context.database) as target:
        yield Copy(context, target)
