"""Whom a text may name: `free_text` gets the identities of its own row, and of the rows its foreign keys lead to.

Known values are replaced by the very pseudonyms their own columns get, so a note about Ana names the pseudonym that
stands in Ana's row. Where masks.toml lists `identities` itself, those are taken and only bound to their columns' masks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from penstock.catalog.model import Catalog, ColumnName, Table
from penstock.catalog.types import Family
from penstock.masks.contract import Mask
from penstock.masks.free_text import IDENTITIES, FreeText, Identity
from penstock.masks.keys import Keyring
from penstock.policy.decision import Decision

# Along a foreign key only what surely is an identity: a pseudonym of any text would be looked for in every note.
_ALONG_KEYS = IDENTITIES - {"text", "uuid"}


def with_identities(
    catalog: Catalog, decisions: Mapping[ColumnName, Decision], keys: Keyring
) -> Iterator[Decision]:
    """The decisions whose mask is `free_text`, knowing whom their text may name."""
    for name, decision in decisions.items():
        if isinstance(decision.mask, FreeText):
            table = catalog.tables[name.table]
            known = dict(_candidates(catalog, table, name.column, decisions))
            yield replace(decision, mask=_bound(decision.mask, table, known, decisions, keys))


def _bound(
    mask: FreeText,
    table: Table,
    known: Mapping[Identity, Mask],
    decisions: Mapping[ColumnName, Decision],
    keys: Keyring,
) -> Mask:
    if mask.options.identities is None:
        identities = tuple(known)
        masks = {identity.input: own for identity, own in known.items()}
    else:
        identities = tuple(Identity.of(given) for given in mask.options.identities)
        masks = {}
        for identity in identities:
            own = _mask_of(table, identity, decisions)
            if own is not None and identity.mask in ("", own.name):
                masks[identity.input] = own
    if not identities:
        return mask
    return FreeText(mask.site, keys, replace(mask.options, identities=identities)).following(masks)


def _candidates(
    catalog: Catalog, table: Table, text: str, decisions: Mapping[ColumnName, Decision]
) -> Iterator[tuple[Identity, Mask]]:
    """Identity columns of the table itself, then of the tables its foreign keys reference."""
    for column in table.stored_columns:
        if column.name != text and column.type.family is Family.TEXT:
            mask = _identity_mask(decisions.get(ColumnName(table.name, column.name)))
            if mask is not None and mask.name in IDENTITIES:
                yield Identity(column.name, (), mask.name), mask
    for key in table.foreign_keys:
        parent = catalog.tables.get(key.referenced_table)
        if key.inherited or parent is None or text in key.columns:
            continue
        root = catalog.root_of(parent.name)
        for column in parent.stored_columns:
            mask = _identity_mask(decisions.get(ColumnName(root, column.name)))
            if mask is not None and mask.name in _ALONG_KEYS and column.type.family is Family.TEXT:
                yield Identity(column.name, key.columns, mask.name), mask


def _identity_mask(decision: Decision | None) -> Mask | None:
    """The mask of an identity column; None where nothing replaces it or its mask needs a row of its own."""
    if decision is None or decision.mask is None or decision.keeps or not decision.mask.context_free:
        return None
    return decision.mask


def _mask_of(table: Table, identity: Identity, decisions: Mapping[ColumnName, Decision]) -> Mask | None:
    if not identity.via:
        return _identity_mask(decisions.get(ColumnName(table.name, identity.column)))
    for key in table.foreign_keys:
        if set(key.columns) == set(identity.via):
            return _identity_mask(decisions.get(ColumnName(key.referenced_table, identity.column)))
    return None
