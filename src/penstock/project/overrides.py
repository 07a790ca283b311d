"""What stands above the file: flags (`--set connections.prod.host=…`), and variables named after the key.

`[connections.prod] host` is `PENSTOCK_CONNECTIONS_PROD_HOST`; likewise for the scalar fields of registered sections.
They are looked up in the environment, then in `.env`. The value takes the type of the field. Passwords are not
accepted as flags: everyone on the machine can read them there.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping
from typing import Any

from penstock import registry
from penstock.errors import ConfigError, SecretExposed
from penstock.project.environment import Environment
from penstock.project.lakes import SECRETS
from penstock.project.loader import Place, key_of
from penstock.project.redact import remember


def file_origins(raw: Mapping[str, Any], place: Place) -> dict[str, str]:
    """The line of every scalar and list of the file, by dotted key."""
    found: dict[str, str] = {}

    def walk(value: object, at: Place) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(inner, at.at(key))
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            for number, inner in enumerate(value):
                walk(inner, at.at(number))
        else:
            found[dotted(at.keys)] = at.line_of(at.keys)

    walk(raw, place)
    return found


def dotted(keys: tuple[str | int, ...]) -> str:
    """`devdb.small.root[0].table`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")


def apply(
    raw: dict[str, Any],
    flags: Mapping[str, str],
    environment: Environment,
    origins: dict[str, str],
    own: Mapping[str, registry.Section],
) -> None:
    """Put the overrides into `raw` and their origin into `origins`; `own` are the sections that no job registers.

    Raises ConfigError for a flag that fits nothing, SecretExposed for a password given as one.
    """
    unused = dict(flags)
    for keys, item, hint in _scalar_fields(raw, {**own, **registry.sections()}):
        name = dotted(keys)
        variable = "PENSTOCK_" + re.sub(r"\W", "_", "_".join(keys)).upper()
        if name in unused:
            value, origin = unused.pop(name), "flag"
            if _is_secret(item):
                remember(value)
                raise SecretExposed(
                    f"{name} was given as a flag",
                    why="other users of this machine, and the shell's history, can read it",
                    hint=f'export {variable}, or put it into .env and write {item} = "${{VAR}}"',
                )
        elif (set_by := environment.exact(variable)) is not None:
            value, origin = set_by.value, set_by.origin
            if _is_secret(item) or item == "url":
                value = f"${{{variable}}}"  # resolved like any other reference, so it becomes a Secret
        else:
            continue
        table = raw
        for key in keys[:-1]:
            table = table.setdefault(key, {})
        table[item] = _typed(value, hint, name, origin)
        origins[name] = origin
    if unused:
        raise ConfigError(
            f"--set {next(iter(unused))} fits no setting",
            hint="penstock config show lists the settings by name",
        )


def _is_secret(item: str) -> bool:
    return "password" in item or item in SECRETS


def _scalar_fields(
    raw: Mapping[str, Any], kinds: Mapping[str, registry.Section]
) -> list[tuple[tuple[str, ...], str, Any]]:
    """Every scalar field of the tables the file has: its keys, its own key, its type."""
    tables: list[tuple[tuple[str, ...], type]] = []
    for section in kinds.values():
        inner = raw.get(section.name)
        if not isinstance(inner, Mapping):
            continue
        names = [(section.name, str(name)) for name in inner] if section.many else [(section.name,)]
        tables += [(keys, section.settings) for keys in names]
    found = []
    for keys, kind in tables:
        hints = typing.get_type_hints(kind)
        found += [
            ((*keys, key_of(item)), key_of(item), hints[item.name])
            for item in dataclasses.fields(kind)
            if _scalar_types(hints[item.name])
        ]
    return found


def _scalar_types(hint: Any) -> set[type]:
    """The scalar types a field accepts; empty when it holds a list or a table."""
    if typing.get_origin(hint) is typing.Literal:
        return {type(argument) for argument in typing.get_args(hint)}
    arguments = typing.get_args(hint) or (hint,)
    found: set[type] = set()
    for argument in arguments:
        if argument in (str, int, float, bool):
            found.add(argument)
        elif typing.get_origin(argument) is typing.Literal:
            found |= _scalar_types(argument)
        elif argument is not type(None):
            return set()
    return found


def _typed(text: str, hint: Any, name: str, origin: str) -> Any:
    kinds = _scalar_types(hint)
    if bool in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                continue
    if str in kinds:
        return text
    wanted = " or ".join(sorted(kind.__name__ for kind in kinds))
    raise ConfigError(f"{name} ({origin}) is not a {wanted}", hint=f"--set {name}=VALUE")
