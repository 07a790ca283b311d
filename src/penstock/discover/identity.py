"""Whose date it is: all dates of one person should move together, and those of another person by another number."""

from __future__ import annotations

from dataclasses import replace

from penstock.catalog.model import Catalog, Table
from penstock.discover.context import TableContext
from penstock.discover.proposal import Proposal


def with_identity(catalog: Catalog, proposal: Proposal) -> Proposal:
    """A proposal of `date_shift` with the column that says whose date it is, where the table has one."""
    if proposal.judgement.mask != "date_shift" or proposal.judgement.options:
        return proposal
    identity = identity_of(catalog, catalog.tables[proposal.column.table])
    if not identity or identity == proposal.column.column:
        return proposal
    return replace(proposal, judgement=replace(proposal.judgement, options={"identity": identity}))


def identity_of(catalog: Catalog, table: Table) -> str:
    """The primary key of a table of people, else the foreign key to one; "" where there is no one such column."""
    if TableContext(table).is_about_people and table.primary_key and len(table.primary_key.columns) == 1:
        return table.primary_key.columns[0]
    people = [
        key.columns[0]
        for key in table.foreign_keys
        if len(key.columns) == 1
        and key.referenced_table in catalog.tables
        and TableContext(catalog.tables[key.referenced_table]).is_about_people
    ]
    return people[0] if len(set(people)) == 1 else ""
