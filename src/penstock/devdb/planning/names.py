"""Names in the project file, looked up in a catalog: tables, patterns of tables, columns of tables.

Nothing is parsed that can be looked up: `public.orders`, `"public"."orders"` and, where only one schema has it, `orders`
all name the same table, whatever dots and quotes a name holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from penstock.catalog.model import Catalog, TableName
from penstock.errors import UnknownName


def find_table(catalog: Catalog, text: str, where: str) -> TableName:
    """The table that `text` names in the setting `where`; partitions are spoken of by their root.

    Raises `UnknownName` with a did-you-mean, or with the choices where several schemas have it.
    """
    tables = catalog.leaves
    exact = [name for name in tables if text in (str(name), name.sql)]
    found = exact or [name for name in tables if text == name.table]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownName(
            f"{text!r} in {where} is ambiguous",
            why="it is in more than one schema: " + ", ".join(map(str, found)),
            hint=f"write {str(found[0])!r}",
        )
    for name, table in catalog.tables.items():
        if text in (str(name), name.sql, name.table):
            if table.is_partition:
                raise UnknownName(
                    f"{text!r} in {where} is a partition",
                    hint=f"speak of its root: {str(catalog.root_of(name))!r}",
                )
            if table.kind == "foreign":
                raise UnknownName(
                    f"{text!r} in {where} is a foreign table",
                    why="its rows live on another server: they are neither copied nor searched",
                    hint="leave it out here; in `skip`, its structure does not arrive either",
                )
            raise UnknownName(
                f"{text!r} in {where} is a {table.kind}",
                why="only tables hold rows to copy",
                hint="name the tables it is made of; views come with the schema",
            )
    close = get_close_matches(text, [*map(str, tables), *(t.table for t in tables)], n=1)
    raise UnknownName(
        f"there is no table {text!r} ({where})",
        hint=f"did you mean {close[0]!r}?" if close else _first_of(tables),
    )


def _first_of(tables: Collection[TableName]) -> str:
    """The first dozen tables, for who cannot guess."""
    shown = ", ".join(sorted(map(str, tables))[:12])
    more = f" and {len(tables) - 12} more" if len(tables) > 12 else ""
    return f"there are {shown}{more}" if shown else "the database has no tables: is it the right one?"


def find_tables(
    catalog: Catalog, patterns: Iterable[str], where: str, *, foreign: bool = False
) -> frozenset[TableName]:
    """All tables the patterns name: a name, or one with `*` and `?` over `schema.table`. None at all is an error.

    With `foreign`, foreign tables too, which have no rows here but a structure.
    """
    others = {t.name for t in catalog if foreign and t.kind == "foreign" and not t.is_partition}
    found: set[TableName] = set()
    for pattern in patterns:
        if any(c in pattern for c in "*?["):
            matching = {name for name in (*catalog.leaves, *others) if fnmatchcase(str(name), pattern)}
            if not matching:
                raise UnknownName(
                    f"no table matches {pattern!r} ({where})", hint="write it as schema.pattern"
                )
            found |= matching
        else:
            named = {name for name in others if pattern in (str(name), name.sql)}
            found |= named or {find_table(catalog, pattern, where)}
    return frozenset(found)


def find_columns(catalog: Catalog, text: str, where: str) -> tuple[TableName, tuple[str, ...]]:
    """`schema.table.column` or `schema.table.(a, b)` as a table and its columns. Raises `UnknownName`."""
    if text.endswith(")") and ".(" in text:
        table_text, _, column_text = text[:-1].rpartition(".(")
        candidates = [(table_text, tuple(part.strip().strip('"') for part in column_text.split(",")))]
    else:
        dots = [i for i, c in enumerate(text) if c == "."]
        candidates = [(text[:i], (text[i + 1 :].strip('"'),)) for i in reversed(dots)]
    for table_text, columns in candidates:
        try:
            name = find_table(catalog, table_text, where)
        except UnknownName:
            continue
        known = [c.name for c in catalog.tables[name].columns]
        for column in columns:
            if column not in known:
                close = get_close_matches(column, known, n=1)
                raise UnknownName(
                    f"{name} has no column {column!r} ({where})",
                    hint=f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known[:12])}",
                )
        return name, columns
    find_table(catalog, candidates[0][0] if candidates else text, where)
    raise UnknownName(f"{text!r} names no column ({where})", hint="write schema.table.column")


def find_scanned(catalog: Catalog, text: str, where: str) -> tuple[TableName, tuple[str, ...]]:
    """`find_columns`, for what the leak check reads: columns of materialised views too. Raises `UnknownName`."""
    for table in catalog:
        if table.kind == "materialized view":
            for column in table.columns:
                if text == f"{table.name}.{column.name}":
                    return table.name, (column.name,)
    return find_columns(catalog, text, where)
