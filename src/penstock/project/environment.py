"""The variables of a project: the process environment first, then `.env`; `NAME_FILE` names a file that holds NAME.

`${VAR}` and its two variants are expanded here, in whole values only: a value is either literal or one reference.
Pasting a variable into the middle of a URL would need escaping rules that nobody remembers; single fields need none.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock.errors import ConfigError
from penstock.project import envfile

_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:-|:\?)(?P<rest>[^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Variable:
    """A value (perhaps a secret, hence not in the repr) and where it came from."""

    value: str = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True)
class Reference:
    """`${name}`, `${name:-default}` or `${name:?message}`."""

    name: str
    default: str | None = None
    message: str | None = None


class Environment:
    """Looks variables up and says where they came from. Its repr shows names only."""

    def __init__(self, process: Mapping[str, str], env_path: Path | None) -> None:
        self._process = process
        self._path = env_path
        self._lines = {} if env_path is None else envfile.read(env_path)

    @classmethod
    def of(cls, root: Path) -> Environment:
        """This process's environment over `root/.env`."""
        return cls(os.environ, root / ".env")

    def __repr__(self) -> str:
        return f"Environment({sorted(self._lines)})"

    def __iter__(self) -> Iterator[str]:
        return iter({**self._process, **self._lines})

    @property
    def in_file(self) -> frozenset[str]:
        """The variables that `.env` sets."""
        return frozenset(self._lines)

    def lookup(self, name: str) -> Variable | None:
        """The variable, or the content of the file that `NAME_FILE` names, or None."""
        if (found := self.exact(name)) is not None:
            return found
        if not name.endswith("_FILE") and (pointer := self.lookup(name + "_FILE")) is not None:
            return Variable(read_secret_file(Path(pointer.value), name + "_FILE"), f"file of {name}_FILE")
        return None

    def exact(self, name: str) -> Variable | None:
        """The variable of exactly this name, or None."""
        if name in self._process:
            return Variable(self._process[name], f"environment {name}")
        if name in self._lines:
            return Variable(self._lines[name].value, f".env:{self._lines[name].line}")
        return None

    def expand(self, reference: Reference, where: str) -> Variable:
        """The value of a reference; `where` names the field for the error message.

        Raises ConfigError with the places that were searched when the variable is missing.
        """
        variable = self.lookup(reference.name)
        if variable is not None and (
            variable.value or (reference.default is None and reference.message is None)
        ):
            return variable
        if reference.default is not None:
            return Variable(reference.default, "default in penstock.toml")
        close = difflib.get_close_matches(reference.name, list(self), 1, 0.8)
        raise ConfigError(
            f"{where} needs the variable {reference.name}, which is {'empty' if variable else 'not set'}",
            why=reference.message
            or f"looked for {reference.name} and {reference.name}_FILE in the environment and in {self._place()}",
            hint=f"did you mean {close[0]}?" if close else f"echo '{reference.name}=...' >> .env",
        )

    def _place(self) -> str:
        if self._path is None:
            return "no .env"
        return str(self._path) + ("" if self._path.exists() else " (no such file)")


def reference(text: str, where: str) -> Reference | None:
    """The reference that `text` is, or None if it is literal.

    Raises ConfigError when a reference is only part of the value.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        if "${" in text:
            raise ConfigError(
                f"{where} has ${{…}} inside a longer value",
                why="a variable stands for a whole value: ${VAR}, ${VAR:-default} or ${VAR:?message}",
                hint='use single fields: host = "${HOST}", dbname = "${DB}", …',
            )
        return None
    if match["how"] == ":-":
        return Reference(match["name"], default=match["rest"])
    if match["how"] == ":?":
        return Reference(match["name"], message=match["rest"] or None)
    return Reference(match["name"])


def is_reference(text: str) -> bool:
    """Whether the whole of `text` is one `${…}`."""
    return _REFERENCE.fullmatch(text) is not None


def read_secret_file(path: Path, named_by: str) -> str:
    """The text of a file that holds one secret, without the newline editors put at its end."""
    try:
        return path.expanduser().read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the file that {named_by} names cannot be read",
            why=f"{path}: {error.strerror if isinstance(error, OSError) else 'not UTF-8 text'}",
            hint=f"ls -l {path}",
        ) from None
