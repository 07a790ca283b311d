"""The registry as CSV: schema_name, table_name, column_name, scrubbing_action.

The action is the mask's name, or, where there is more to say, the same inline table as in `masks.toml`; so a round trip
through a spreadsheet loses nothing.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Sequence

from penstock.catalog.model import ColumnName, TableName
from penstock.errors import MaskError, RegistryError
from penstock.policy.registry_file import Line, Registry, line_from_value, toml_value

COLUMNS = ("schema_name", "table_name", "column_name", "scrubbing_action")


def to_csv(registry: Registry, columns: Sequence[ColumnName] = ()) -> str:
    """The registry as CSV (RFC 4180, line ends LF) with a header.

    With `columns`, those come first and in their order, with an empty action where there is no line.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name in dict.fromkeys((*columns, *registry.lines)):
        line = registry.lines.get(name)
        value = line.value if line is not None else ""
        action = value if isinstance(value, str) else toml_value(value)
        writer.writerow([name.table.schema, name.table.table, name.column, action])
    return out.getvalue()


def from_csv(text: str, name: str = "the CSV file") -> list[Line]:
    """The lines of a CSV file; columns in any order, further ones ignored, rows without an action skipped.

    Raises `RegistryError` for a missing column, a duplicate or an unreadable action, naming the row's number.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise RegistryError(
            f"{name} has no column {missing[0]!r}", hint=f"its first line is: {','.join(COLUMNS)}"
        )
    found: dict[ColumnName, Line] = {}
    for row in reader:
        where = f"{name}, line {reader.line_num}"
        schema, table, column, action = ((row[c] or "") for c in COLUMNS)
        if not action.strip():
            continue
        if not (schema and table and column):
            raise RegistryError(f"{where}: a name is empty", hint=f"fill in {', '.join(COLUMNS[:3])}")
        at = ColumnName(TableName(schema, table), column)
        if at in found:
            raise RegistryError(f"{where}: {at} has two actions", hint="remove one of its rows")
        try:
            found[at] = line_from_value(at, _value(action.strip()), where)
        except tomllib.TOMLDecodeError:
            raise RegistryError(
                f"{where}: the action of {at} cannot be read",
                hint='a name such as text, or a table such as { mask = "email", keep_domain = true }',
            ) from None
        except MaskError as error:
            raise MaskError(error.what, why=error.why, hint=error.hint) from None
    return list(found.values())


def _value(action: str) -> object:
    return tomllib.loads(f"action = {action}")["action"] if action.startswith("{") else action
