"""`.env`: read exactly, appended to without touching what is there.

Read with python-dotenv's parser, without interpolation: `aB1!#!@`, `$`, quotes and spaces come out as they were meant.
The parser is used directly instead of `dotenv_values` because that drops line numbers (which `config show --origin`
prints) and skips broken lines with a log message (here they are errors).
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock.errors import ConfigError

_BARE = re.compile(r"[^\s'\"#\\$`][^\s'\"\\$`]*")


@dataclass(frozen=True, slots=True)
class EnvLine:
    """One assignment: its value (perhaps a secret, hence not in the repr) and its line, counted from 1."""

    value: str = field(repr=False)
    line: int


def read(path: Path) -> dict[str, EnvLine]:
    """The assignments of an env file, the last of a name winning; an absent file has none.

    Raises ConfigError, with the line's number and never its text, when a line cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path.name} cannot be read",
            why=error.strerror or "" if isinstance(error, OSError) else "it is not UTF-8 text",
            hint=f"chown $USER {path.name} && chmod 600 {path.name}",
        ) from None
    return parse(text, path.name)


def parse(content: str, name: str = ".env") -> dict[str, EnvLine]:
    """The assignments of a text; raises as `read` does."""
    from dotenv.parser import parse_stream

    found: dict[str, EnvLine] = {}
    for binding in parse_stream(io.StringIO(content)):
        text = binding.original.string
        line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
        if binding.error:
            raise ConfigError(
                f"{name}:{line} is not NAME=value",
                why="a quote that is not closed, or no equals sign",
                hint="put a value that starts with a quote into single quotes: NAME='it\\'s'",
            )
        if binding.key is not None and binding.value is not None:
            found[binding.key] = EnvLine(binding.value, line)
    return found


def quoted(value: str) -> str:
    """`value` as it must be written after `NAME=` to be read back unchanged."""
    if not value or _BARE.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def append(
    path: Path, values: Mapping[str, str], *, comments: Mapping[str, str] | None = None, mode: int = 0o600
) -> list[str]:
    """Write the assignments whose names are not there yet; what is there stays byte for byte.

    A new file gets `mode`. Returns the names that were added.
    """
    present = read(path)
    missing = {name: value for name, value in values.items() if name not in present}
    if not missing:
        return []
    block = ""
    for name, value in missing.items():
        comment = (comments or {}).get(name)
        block += (f"# {comment}\n" if comment else "") + f"{name}={quoted(value)}\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode)
    with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            block = "\n" + block
        stream.write(block)
    return list(missing)
