"""What the schema quotes of masked columns: partition bounds, defaults and comments go into the copy as they are.

The leak check finds a quoted value in the end, wherever it stands, and then the copying was for nothing. What a few
look-ups can tell, the plan says before: bounds refuse, defaults and comments (which may quote a word that some unmasked
column holds by right) warn. Whoever accepts a text names it in `acknowledged`, as the finding names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from penstock.catalog.model import Catalog, ColumnName, TableName, quote_identifier
from penstock.catalog.types import Family
from penstock.engines.postgres.session import Session
from penstock.errors import ContractBroken, UnknownName
from penstock.masks.contract import Codomain
from penstock.policy.decision import Decision, Policy
from penstock.proof.relations import CatalogText, quoted_data

_BOUND = "partition bound "
_LOOKED_AT = (_BOUND, "default ", "comment ")
_NESTED = (Family.JSON, Family.XML, Family.ARRAY, Family.COMPOSITE, Family.SEARCH, Family.BINARY)
_SHORTEST, _SHORTEST_NUMBER = 5, 7  # what the leak check searches for
_MOST_BYTES = 2 << 30  # of a table that is read for a default or a comment; the leak check reads it anyway
_MOST_WORDS = 5  # of a value inside a text
_WORD = re.compile(r"\w+(?:[^\w\s]+\w+)*")
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Quote:
    """A text of the schema that holds a value of a masked column."""

    place: str  # as findings of the leak check name it: "partition bound public.visit_2024"
    column: ColumnName

    @property
    def is_bound(self) -> bool:
        return self.place.startswith(_BOUND)

    def __str__(self) -> str:
        return f"{self.place} quotes a value of {self.column}, which is masked"


def acknowledged_texts(patterns: Iterable[str], texts: Iterable[CatalogText], where: str) -> frozenset[str]:
    """The places of the schema's texts that are named, `*` and `?` allowed. Raises `UnknownName` for one that is none."""
    places = {text.place for text in texts}
    found: set[str] = set()
    for pattern in patterns:
        matching = {place for place in places if place == pattern or fnmatchcase(place, pattern)}
        if not matching:
            close = get_close_matches(pattern, places, n=1)
            raise UnknownName(
                f"{pattern!r} is neither a column nor a text of the schema ({where})",
                hint=f"did you mean {close[0]!r}?"
                if close
                else "name it as the finding does: default public.t.c",
            )
        found |= matching
    return frozenset(found)


def quotes(
    source: Session,
    catalog: Catalog,
    policy: Policy,
    nulled: Mapping[TableName, frozenset[str]],
    texts: Iterable[CatalogText],
    acknowledged: frozenset[ColumnName | str],
) -> Iterator[Quote]:
    """Bounds, defaults and comments that hold a value of the masked column they are about."""
    fresh = {
        name: decision
        for name, decision in policy.decisions.items()
        if decision.contract is not None
        and decision.contract.codomain is Codomain.FRESH
        and name.column not in nulled.get(name.table, frozenset())
        and catalog.tables[name.table].column(name.column).type.family not in _NESTED
    }
    known: dict[tuple[TableName, ColumnName, tuple[str, ...]], bool] = {}
    for text in texts:
        table = text.table
        if table is None or table not in catalog.tables or not text.place.startswith(_LOOKED_AT):
            continue
        if text.place in acknowledged or text.column in acknowledged:
            continue
        read = table if text.place.startswith(_BOUND) else catalog.root_of(table)
        for column in _about(catalog, text, table):
            decision = fresh.get(column)
            candidates = _candidates(text, decision) if decision is not None else ()
            if not candidates or (read == column.table and _size(catalog, read) > _MOST_BYTES):
                continue
            asked = (read, column, candidates)
            if asked not in known:
                known[asked] = _holds(source, catalog, *asked)
            if known[asked]:
                yield Quote(text.place, column)


def refusal(found: Iterable[Quote], name: str) -> Iterator[ContractBroken]:
    """The bounds among the quotes, as one refusal."""
    bounds = [quote for quote in found if quote.is_bound]
    if bounds:
        more = f" (and {len(bounds) - 1} more)" if len(bounds) > 1 else ""
        listed = ", ".join(f'"{quote.place}"' for quote in bounds[:_NAMED])
        yield ContractBroken(
            f"the {bounds[0]}{more}",
            why="the schema is copied as it is, and the leak check would find the value in the copy",
            hint=f"keep the column, or accept it in [devdb.{name}] (* and ? may be used): acknowledged = [{listed}]",
        )


def warnings(found: Iterable[Quote]) -> Iterator[str]:
    """The other quotes, a line each."""
    for quote in found:
        if not quote.is_bound:
            yield (
                f"the {quote}: the leak check may refuse the copy for it; change the text, "
                f'or accept it: acknowledged = ["{quote.place}"]'
            )


def _about(catalog: Catalog, text: CatalogText, table: TableName) -> Iterator[ColumnName]:
    """The columns a text is about, in their logical table."""
    root = catalog.root_of(table)
    if text.column is not None:
        yield ColumnName(root, text.column.column)
    elif text.place.startswith(_BOUND):
        for parent in catalog.tables[table].parents:
            yield from (ColumnName(root, column) for column in catalog.tables[parent].partition_key)
    else:
        yield from (ColumnName(root, column.name) for column in catalog.tables[root].columns)


def _candidates(text: CatalogText, decision: Decision) -> tuple[str, ...]:
    """What in a text may be a value, as the leak check reads it: literals of SQL and several words inside one, words
    and several words of a comment. Values that stay real are none."""
    found: set[str] = set()
    for piece in quoted_data(text):
        words = list(_WORD.finditer(piece))
        found.add(piece)
        for count in range(2 if text.code else 1, _MOST_WORDS + 1):
            for first, last in zip(words, words[count - 1 :], strict=False):
                found.add(piece[first.start() : last.end()])
    real = decision.mask.site.real.values() if decision.mask is not None else ()
    staying = {value.lower() for values in real for value in values}
    return tuple(sorted({t.lower() for t in found if _is_searched_for(t)} - staying))


def _is_searched_for(text: str) -> bool:
    return len(text) >= (_SHORTEST_NUMBER if text.isdecimal() else _SHORTEST)


def _size(catalog: Catalog, table: TableName) -> int:
    return sum(catalog.tables[leaf].heap_bytes for leaf in catalog.leaves.get(table, ()))


def _holds(
    source: Session, catalog: Catalog, table: TableName, column: ColumnName, candidates: tuple[str, ...]
) -> bool:
    only = "" if catalog.tables[table].kind == "partitioned" else "ONLY "
    value = f'pg_catalog.lower({quote_identifier(column.column)}::pg_catalog.text) COLLATE pg_catalog."C"'
    return bool(
        source.fetchval(
            f"SELECT EXISTS (SELECT FROM {only}{table.sql} WHERE {value} = ANY($1::pg_catalog.text[]))",
            list(candidates),
            doing=f"looking for values of {column} in the texts of the schema",
        )
    )
