"""What developers made in their copy: found by comparing it with the inventory of the day it was made.

Carried over (`carrying`) are objects that stand by themselves: schemas, tables with their rows, views, functions, types, and
indexes, triggers and policies on copied tables; and rights. Not carried are changes to what was copied (a column more, a
function rewritten, a constraint): the fresh copy is production's again. Rows in copied tables are replaced, that is what a
reset is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.catalog.model import quote_identifier
from penstock.devdb import details, inventory, manifest, oddments, rights
from penstock.devdb.context import Context
from penstock.devdb.inspect import require_there
from penstock.devdb.inventory import Item
from penstock.devdb.ours import require_ours
from penstock.devdb.rights import Right
from penstock.engines.postgres.session import Session

TABLES = ("table", "foreign table")
_PARTS = (
    "table column",
    "foreign table column",
    "table constraint",
    "domain constraint",
    "index",
    "trigger",
    "policy",
    "rule",
)
_PARTS_KEPT = ("index", "trigger", "policy", "rule")
_HOLDERS = (*TABLES, "view", "materialized view", "type")


@dataclass(frozen=True, slots=True)
class Extras:
    """What is in a copy and was not when it was made."""

    made: tuple[Item, ...] = ()  # can be carried over
    parts: tuple[Item, ...] = ()  # columns and constraints of `made`, which come along with it
    rights: tuple[Right, ...] = ()  # granted and revoked; can be carried over
    lost: tuple[str, ...] = ()  # changes to what was copied: "table column public.orders.mine (new)"
    unknown: bool = False  # the copy does not say what was in it when it was made

    def __bool__(self) -> bool:
        return bool(self.made or self.rights or self.lost or self.unknown)

    @property
    def listed(self) -> tuple[str, ...]:
        """What --keep-extra keeps, in words."""
        return (*(f"{item.kind} {item.identity}" for item in self.made), *(r.text for r in self.rights))

    def as_dict(self) -> dict[str, Any]:
        return {"made": list(self.listed), "changed": list(self.lost), "unknown": self.unknown}


def extras_of(context: Context) -> Extras:
    """What developers made in the copy. Raises `TargetRefused` where there is none of ours."""
    require_there(context)
    with context.target_session(context.database) as target:
        manifests = manifest.read(target)
        require_ours(context, manifests)
        return find(target, manifest.last_made(manifests).document)


def find(session: Session, document: Mapping[str, Any]) -> Extras:
    """What developers made in the database of this session, whose manifest's document is given."""
    baseline: Mapping[str, Mapping[str, str]] | None = document.get("inventory")
    if baseline is None:
        return Extras(unknown=True)
    with session.transaction():
        items = inventory.take(session)
        detailed = details.as_document(items, details.take(session))
        allowed = rights.take(session)
        odd = oddments.take(session, items)
    new = [item for item in items if item.identity not in baseline.get(item.kind, {})]
    holders = {(item.schema, item.name) for item in new if item.kind in _HOLDERS}
    made = [i for i in new if i.kind not in _PARTS]
    parts = [i for i in new if i.kind in _PARTS and (i.schema, i.name) in holders]
    on_copied = [i for i in new if i.kind in _PARTS and (i.schema, i.name) not in holders]
    gone = {(kind, name) for kind, names in baseline.items() if kind != "grant" for name in names}
    gone -= {(i.kind, i.identity) for i in items}
    made += (i for i in on_copied if i.kind in _PARTS_KEPT)
    carried = frozenset((i.catalog_oid, i.oid) for i in (*made, *parts))
    recorded: Mapping[str, Mapping[str, str]] = document.get("details", {})  # an older Penstock's says less

    def changed(item: Item) -> bool:
        known = baseline.get(item.kind, {}).get(item.identity, item.hash) == item.hash
        detail = detailed.get(item.kind, {}).get(item.identity)
        return not known or recorded.get(item.kind, {}).get(item.identity, detail) != detail

    return Extras(
        made=tuple(made),
        parts=tuple(parts),
        rights=tuple(
            right
            for right in allowed
            if right.text not in baseline["grant"]
            and ("details" in document or not right.recorded_since_details or right.of in carried)
        ),
        lost=(
            *(f"{i.kind} {i.identity} (new)" for i in on_copied if i.kind not in _PARTS_KEPT),
            *(f"{item.kind} {item.identity} (changed)" for item in items if changed(item)),
            *(f"{kind} {name} (removed)" for kind, name in sorted(gone)),
            *(f"{text} (removed)" for text in _no_longer(baseline["grant"], allowed, items)),
            *oddments.differences(odd, document.get("oddments"), carried),
        ),
    )


def _no_longer(baseline: Iterable[str], allowed: Iterable[Right], items: Iterable[Item]) -> tuple[str, ...]:
    """Rights that were there and are not, but for those of roles that own things now: an owner needs none."""
    names = {item.owner for item in items if item.owner}
    owners = tuple(f" TO {spelt}" for name in names for spelt in (name, quote_identifier(name)))
    there = {right.text for right in allowed}
    return tuple(
        text
        for text in baseline
        if text not in there and not text.removesuffix(" WITH GRANT OPTION").endswith(owners)
    )
