"""`masks.toml`, the record of decisions: one line per column, in the order of the schema.

    [public.customer]
    first_name = "first_name"
    email      = { mask = "email", keep_domain = true }
    activebool = { mask = "keep", by = "discover" }

Read with `tomllib`, so that what is in force is what any TOML reader sees. Written by `registry_edit`, which leaves
people's lines and comments alone. This module knows the form of the file and nothing of databases: whether a column
exists and a mask fits is `resolve`'s question.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomlkit

from penstock.catalog.model import ColumnName, TableName
from penstock.errors import MaskError, RegistryError

METADATA = ("by", "who", "when", "why")
REBUILD = "rebuild"  # of a tsvector: not copied, refilled by its trigger during the load
REBUILD_OPTIONS = ("trigger",)


@dataclass(frozen=True, slots=True)
class Line:
    """One decision: the column's mask, the mask's options, and who decided, when and why.

    `domain` overrides the mask's semantic domain. Options are as the file gives them: masks inside masks (elements of
    arrays, fields of composites, paths of JSON) are strings or mappings again.
    """

    column: ColumnName
    mask: str
    options: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ""
    by: str = ""
    who: str = ""
    when: str = ""
    why: str = ""

    @property
    def value(self) -> str | dict[str, Any]:
        """What stands right of the equals sign: the bare name where nothing else is to be said."""
        table: dict[str, Any] = {"mask": self.mask, **self.options}
        if self.domain:
            table["domain"] = self.domain
        for name in METADATA:
            if text := getattr(self, name):
                table[name] = text
        return self.mask if len(table) == 1 else table

    @property
    def text(self) -> str:
        """The line as it stands in the file."""
        return f"{toml_key(self.column.column)} = {toml_value(self.value)}"

    @property
    def verdict(self) -> tuple[str, str, str]:
        """What the line decides, without who said so: two lines with the same verdict agree."""
        return self.mask, repr(_sorted(self.options)), self.domain


_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(name: str) -> str:
    """`name` as a TOML key, quoted where it is not bare."""
    return name if _BARE_KEY.fullmatch(name) else tomlkit.string(name).as_string()


def toml_value(value: Any) -> str:
    """`value` on one line of TOML: tables inline."""
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return str(tomlkit.item(value).as_string())


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True, slots=True)
class Registry:
    """All lines of a `masks.toml`, in the order of the file."""

    lines: Mapping[ColumnName, Line] = field(default_factory=dict)
    path: Path | None = None

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines.values())

    def __len__(self) -> int:
        return len(self.lines)


def load(path: Path) -> Registry:
    """The registry in `path`; an empty one where there is no such file. Raises `RegistryError`, `MaskError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Registry(path=path)
    except UnicodeDecodeError:
        raise RegistryError(f"{path.name} is not UTF-8", hint="save it in that encoding") from None
    except OSError as error:
        raise RegistryError(
            f"{path.name} cannot be read", why=error.strerror or "", hint=f"chmod u+r {path}"
        ) from None
    return Registry(parse(text, path.name).lines, path)


def parse(text: str, name: str = "masks.toml") -> Registry:
    """The registry written in `text`. Raises `RegistryError` for its form, `MaskError` for a mask in it."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(
            f"{name} is no valid TOML",
            why=str(error),
            hint='a name with dots, spaces or other signs is quoted: ["my schema"."my table"]',
        ) from None
    lines: dict[ColumnName, Line] = {}
    for schema, tables in document.items():
        if not isinstance(tables, dict):
            raise RegistryError(
                f"{name}: {schema!r} stands outside of a table",
                hint="columns are listed under their schema and table: [public.customer]",
            )
        for table, columns in tables.items():
            if not isinstance(columns, dict):
                raise RegistryError(
                    f"{name}: [{schema}] names no table",
                    hint=f"write the schema too: [public.{schema}]",
                )
            for column, value in columns.items():
                at = ColumnName(TableName(schema, table), column)
                lines[at] = line_from_value(at, value, name)
    return Registry(MappingProxyType(lines))


def line_from_value(column: ColumnName, value: Any, source: str = "masks.toml") -> Line:
    """The line whose right-hand side is `value`: a mask's name or a table with `mask`.

    Raises `RegistryError` or `MaskError`, naming the column; never the value of an option.
    """
    if isinstance(value, str):
        value = {"mask": value}
    if not isinstance(value, dict) or not isinstance(value.get("mask"), str):
        close = get_close_matches("mask", value, n=1) if isinstance(value, dict) else []
        raise RegistryError(
            f"{source}: the decision for {column} is not a mask",
            why=f"the key is {close[0]!r}" if close else 'it needs a name, or a table with the key "mask"',
            hint=f'{column.column} = "text", or {column.column} = {{ mask = "email", keep_domain = true }}',
        )
    given = dict(value)
    mask = given.pop("mask")
    said: dict[str, str] = {}
    for key in (*METADATA, "domain"):
        if key in given:
            text = given.pop(key)
            if isinstance(text, dt.date | dt.time):
                text = text.isoformat()
            if not isinstance(text, str):
                raise RegistryError(f"{source}: {key!r} of {column} is not a text", hint=f'{key} = "…"')
            said[key] = text
    line = Line(column, mask, MappingProxyType(given), **said)
    try:
        check_spec(mask, given)
    except MaskError as error:
        raise MaskError(f"{source}: {column}: {error.what}", why=error.why, hint=error.hint) from None
    return line


def check_spec(mask: str, options: Mapping[str, Any]) -> None:
    """Raise `MaskError` where there is no such mask or it has no such option (did you mean …)."""
    # Late: loading every mask costs 50 ms, and not every reader has lines.
    from penstock.masks import registry
    from penstock.masks.contract import build_options

    if mask == REBUILD:
        for name in options:
            if name not in REBUILD_OPTIONS:
                raise MaskError(
                    "the decision 'rebuild' has no option " + repr(name), hint="its option: trigger"
                )
        return
    build_options(registry.get(mask), options)
