"""Names of tables as names of folders: the same on every file system and in every object store, and never a way out."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable

from penstock.catalog.model import TableName

_LONGEST_BYTES = 200
_HARMLESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def folder_names(tables: Iterable[TableName], *, beside: Iterable[str] = ()) -> dict[TableName, str]:
    """A folder for each table: `schema.table`, letters of any language as they are, anything else as `%2F`.

    Names that a file system may take for one (`Orders`, `orders`), or for one of the files that lie `beside` the folders
    (a schema "manifest" with a table "json"), are told apart by a number.
    """
    found: dict[TableName, str] = {}
    taken: set[str] = {_as_one(name) for name in beside}
    for table in tables:
        plain = f"{_encoded(table.schema)}.{_encoded(table.table)}"
        if len(plain.encode()) > _LONGEST_BYTES:
            head = plain.encode()[: _LONGEST_BYTES - 17].decode(errors="ignore")
            plain = f"{head}~{hashlib.sha256(plain.encode()).hexdigest()[:16]}"
        name, number = plain, 1
        while _as_one(name) in taken:
            number += 1
            name = f"{plain}~{number}"
        taken.add(_as_one(name))
        found[table] = name
    return found


def _encoded(name: str) -> str:
    return "".join(
        character
        if character in _HARMLESS or (character > "\x7f" and character.isalnum())
        else "".join(f"%{octet:02X}" for octet in character.encode())
        for character in name
    )


def _as_one(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
