"""What a database holds, asked for by the proof itself: every relation, every column, every text in the catalog.

No list of types and no list of tables from elsewhere: what is not scanned is named, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from penstock.catalog.model import ColumnName, TableName, quote_identifier
from penstock.engines.postgres.session import Session
from penstock.proof.cells import Spelling
from penstock.proof.text_queries import CATALOG_TEXTS


class Shape(StrEnum):
    """Where the single values of a column's text are."""

    SCALAR = "scalar"
    JSON = "json"
    ARRAY = "array"
    COMPOSITE = "composite"
    XML = "xml"
    BINARY = "binary"
    SEARCH = "search"
    UNKNOWN = "unknown"  # types of extensions: the whole text, and every quoted string in it


@dataclass(frozen=True, slots=True)
class ScannedColumn:
    """A column, and where the values in its text are."""

    name: str
    type_name: str
    shape: Shape
    derived: bool = False  # computed from other columns: generated, or of a materialised view

    @property
    def spelling(self) -> Spelling:
        if self.shape in (Shape.ARRAY, Shape.COMPOSITE, Shape.UNKNOWN):
            return Spelling.NESTED
        return Spelling.SEARCH if self.shape is Shape.SEARCH else Spelling.PLAIN


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, partition root, materialised view or foreign table."""

    name: TableName
    kind: str  # relkind: r p m f
    populated: bool
    columns: tuple[ScannedColumn, ...]
    size_bytes: int
    unreadable: str = ""  # why its rows cannot be read; "" where they can
    primary_key: tuple[str, ...] = ()

    def copy_query(self, columns: tuple[str, ...]) -> str:
        """The rows as `COPY (…)` takes them: a partition root with its partitions, all else alone."""
        only = "ONLY " if self.kind == "r" else ""
        listed = ", ".join(quote_identifier(c) for c in columns)
        return f"SELECT {listed} FROM {only}{self.name.sql}"


_RELATIONS = """
WITH RECURSIVE base(oid, root) AS (
    SELECT oid, oid FROM pg_catalog.pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT t.oid, base.root FROM pg_catalog.pg_type t JOIN base ON t.typbasetype = base.oid WHERE t.typtype = 'd'
)
SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.relispopulated AS populated,
       CASE WHEN NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN 'no right to read it'
            WHEN pg_catalog.row_security_active(c.oid) THEN 'row-level security hides rows of it'
            ELSE '' END AS unreadable,
       ARRAY(SELECT k.attname::text
             FROM pg_catalog.pg_index i
             CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY AS u(attnum, place)
             JOIN pg_catalog.pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = u.attnum
             WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY u.place) AS primary_key,
       pg_catalog.pg_table_size(c.oid) AS size_bytes,
       coalesce(pg_catalog.array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attnum > 0), '{}')::text[] AS columns,
       coalesce(pg_catalog.array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
                FILTER (WHERE a.attnum > 0), '{}')::text[] AS types,
       coalesce(pg_catalog.array_agg(
           CASE WHEN t.typname IN ('json', 'jsonb') AND tn.nspname = 'pg_catalog' THEN 'json'
                WHEN t.typname = 'xml' AND tn.nspname = 'pg_catalog' THEN 'xml'
                WHEN t.typname = 'bytea' AND tn.nspname = 'pg_catalog' THEN 'binary'
                WHEN t.typname = 'tsvector' AND tn.nspname = 'pg_catalog' THEN 'search'
                WHEN t.typcategory = 'A' THEN 'array'
                WHEN t.typtype = 'c' OR t.typname = 'record' THEN 'composite'
                WHEN t.typtype = 'e' OR t.typcategory = 'S' OR tn.nspname = 'pg_catalog' THEN 'scalar'
                ELSE 'unknown' END ORDER BY a.attnum) FILTER (WHERE a.attnum > 0), '{}')::text[] AS shapes,
       coalesce(pg_catalog.array_agg(c.relkind = 'm' OR a.attgenerated <> '' ORDER BY a.attnum)
                FILTER (WHERE a.attnum > 0), '{}') AS derived
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN base ON base.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type t ON t.oid = base.root
LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp_)'
GROUP BY n.nspname, c.relname, c.relkind, c.relispopulated, c.oid
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""

_PARTITION_SIZE = """
SELECT n.nspname AS schema, c.relname AS name, pg_catalog.sum(pg_catalog.pg_table_size(p.relid))::bigint AS size_bytes
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(c.oid) p
WHERE c.relkind = 'p' AND NOT c.relispartition
GROUP BY 1, 2
"""


def relations(session: Session) -> dict[TableName, Relation]:
    """Everything that may store rows, in the order of names; partitions are part of their root."""
    sizes = {TableName(r["schema"], r["name"]): r["size_bytes"] or 0 for r in session.fetch(_PARTITION_SIZE)}
    found = {}
    for row in session.fetch(_RELATIONS):
        name = TableName(row["schema"], row["name"])
        columns = zip(row["columns"], row["types"], row["shapes"], row["derived"], strict=True)
        found[name] = Relation(
            name,
            row["kind"],
            row["populated"],
            tuple(ScannedColumn(c, t, Shape(s), d) for c, t, s, d in columns),
            sizes.get(name, row["size_bytes"]),
            row["unreadable"],
            tuple(row["primary_key"]),
        )
    return found


def as_they_were(
    found: dict[TableName, Relation], originals: Mapping[TableName, TableName]
) -> dict[TableName, Relation]:
    """The relations of one database before some tables changed whose rows it holds under other names too.

    They keep what is known of the table as it is now, but its rows are read from where they were set aside.
    """
    were = {name: relation for name, relation in found.items() if name not in originals.values()}
    for name, aside in originals.items():
        there = {column.name for column in found[aside].columns}
        columns = tuple(column for column in found[name].columns if column.name in there)
        were[name] = replace(found[aside], columns=columns, primary_key=found[name].primary_key)
    return were


@dataclass(frozen=True, slots=True)
class CatalogText:
    """A text of the schema. `column` is set where the text belongs to one column."""

    place: str  # "comment on public.orders.note", "definition of view public.v"
    text: str
    code: bool  # SQL: only its literals, comments and long numbers are data
    table: TableName | None = None
    column: ColumnName | None = None

    @property
    def is_enum_label(self) -> bool:
        return self.place.startswith("enum label")


def catalog_texts(session: Session) -> list[CatalogText]:
    """Every text of the schema that may quote data."""
    found = []
    for row in session.fetch(CATALOG_TEXTS):
        if not row["text"]:
            continue
        table = TableName(row["schema"], row["name"]) if row["schema"] else None
        column = ColumnName(table, row["column"]) if table and row["column"] else None
        place = f"{row['kind']} {column or table or row['name']}".strip()
        found.append(CatalogText(place, row["text"], row["code"], table, column))
    return found


_LITERAL = re.compile(
    r"\b[eE]'((?:[^'\\]|''|\\.)*)'"  # its backslashes are read later, as those of U&''
    r"|'((?:[^']|'')*)'"
    r'|"((?:[^"]|"")*)"'  # a name, or a text of another language
    r"|\$((?:[A-Za-z_]\w*)?)\$(.*?)\$\4\$"
    r"|--([^\n]*)|/\*(.*?)\*/|\b(\d{7,})\b",
    re.DOTALL,
)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_$]*")


def quoted_data(text: CatalogText) -> Iterator[str]:
    """What of a catalog text is data: all of a comment; of SQL the literals, comments and long numbers.

    Names of columns and tables are not data, unless they hold more than letters, digits and underscores.
    """
    if not text.code:
        yield text.text
        return
    for match in _LITERAL.finditer(text.text):
        escaped, literal, quoted, _, dollar, line, block, number = match.groups()
        if literal is not None and text.text.startswith("::regclass", match.end()):
            continue
        if quoted is not None:
            if not _PLAIN_NAME.fullmatch(quoted):
                yield quoted.replace('""', '"')
        elif escaped is not None or literal is not None:
            yield (literal if escaped is None else escaped).replace("''", "'")
        elif dollar is not None:
            yield dollar
        else:
            yield line or block or number or ""
