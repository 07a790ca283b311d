"""What `dev add` started from, kept in the manifest for `dev why`: a name per root row, which is a keyed hash of its key.

Not the conditions: they may quote a person, and give other rows tomorrow. A name tells nothing without the project's key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from penstock.catalog.model import TableName
from penstock.devdb.closure import RootRule
from penstock.devdb.closure.addresses import Addresses
from penstock.devdb.closure.roots import root_hashes
from penstock.devdb.context import Context
from penstock.devdb.manifest import Manifest
from penstock.devdb.prepare import Prepared
from penstock.engines.postgres.session import Session
from penstock.errors import Finding

_MOST_NAMES = 10_000  # per root: more rows than that are a subset of their own, not today's problem

Names = Mapping[str, Sequence[int] | None]
"""Root table -> the names of its root rows; None where there were too many."""


@dataclass(frozen=True, slots=True)
class AddedRoots:
    """The roots of the `add` runs of a copy, as far as they are known."""

    rules: tuple[RootRule, ...] = ()
    unknown: tuple[str, ...] = ()  # runs that cannot be traced, and why


def name_roots(context: Context, prepared: Prepared, source: Session) -> Names:
    """The names of all root rows of an `add`. Raises `Finding` for a root that has none: a slip, most likely."""
    catalog = prepared.subset.catalog
    addresses = Addresses(catalog, int(source.fetchval("SELECT pg_catalog.current_setting('block_size')")))
    found: dict[str, list[int] | None] = {}
    for table, root in prepared.rules.roots:
        rule = RootRule(table, root.where)
        names = root_hashes(source, catalog, addresses, rule, context.keys, _MOST_NAMES + 1)
        if not names:
            raise Finding(
                f"no row of {table} satisfies the condition of its root: nothing was added",
                why="the source has none in this moment",
                hint=f"try it in psql, on the source: SELECT count(*) FROM {table.sql} WHERE …",
            )
        known = found.setdefault(str(table), [])
        if known is not None:
            found[str(table)] = [*known, *names] if len(names) <= _MOST_NAMES else None
    return found


def added_roots(
    context: Context, manifests: Iterable[Manifest], tables: Mapping[str, TableName]
) -> AddedRoots:
    """The roots `add` has recorded, of all runs; `tables` are the source's by their names."""
    rules: list[RootRule] = []
    unknown: list[str] = []
    for made in manifests:
        if made.operation != "add":
            continue
        run = f"`dev add` of {made.created_at[:16]}"
        if made.document["key_fingerprint"] != context.keys.fingerprint:
            unknown.append(f"{run} was made with another key")
            continue
        if "roots" not in made.document:
            unknown.append(f"{run} is of a version that did not record its roots")
            continue
        for text, names in made.document["roots"].items():
            if names is None:
                unknown.append(f"{run} started from more than {_MOST_NAMES:,} rows of {text}")
            elif text in tables:
                rules.append(RootRule(tables[text], hashes=tuple(names), reason=f"{run} brought it"))
    return AddedRoots(tuple(rules), tuple(unknown))
