"""From a TOML table to a frozen dataclass: types checked, unknown keys refused with the name that was probably meant.

Knows nested dataclasses, `tuple[X, ...]`, `Mapping[str, X]`, `Literal`, unions, `Path`, `Any` and the scalars of TOML.
A field whose name is a Python keyword is written with a trailing underscore (`from_`) or names its key in
`metadata={"key": "from"}`. Values are never shown in an error, only keys, lines and what was expected.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from penstock.errors import ConfigError
from penstock.project.environment import is_reference

T = TypeVar("T")
Key = str | int


@dataclass(frozen=True, slots=True)
class Place:
    """A key of the project file: `devdb.small.root[0].table`, and how to find its line."""

    keys: tuple[Key, ...]
    line_of: Callable[[tuple[Key, ...]], str] = field(repr=False, default=lambda _: "penstock.toml")

    def at(self, key: Key) -> Place:
        """The place below this one."""
        return Place((*self.keys, key), self.line_of)

    def __str__(self) -> str:
        text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.keys).lstrip(".")
        return f"{text} ({self.line_of(self.keys)})"


def key_of(item: dataclasses.Field[Any]) -> str:
    """The TOML key of a dataclass field."""
    return str(item.metadata.get("key", item.name.rstrip("_")))


def build(kind: type[T], table: object, place: Place, *, outer: Iterable[str] = ()) -> T:
    """`table` as an instance of the dataclass `kind`.

    `outer` are the keys of the table around this one: a key that belongs there is the usual result of TOML's rule that
    a key belongs to the last header above it. Raises ConfigError.
    """
    if not isinstance(table, Mapping):
        raise _mismatch(place, "a table", table)
    hints = typing.get_type_hints(kind)
    fields = {key_of(item): item for item in dataclasses.fields(kind) if item.init}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise unknown_key(place.at(key), key, fields, outer)
    values: dict[str, Any] = {}
    for key, item in fields.items():
        if key in table:
            value = table[key]
            if not item.metadata.get("expand"):
                _refuse_reference(value, place.at(key))
            values[item.name] = convert(hints[item.name], value, place.at(key), outer=fields)
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise ConfigError(
                f"{place} lacks the key {key!r}",
                why=f"expected: {expected(hints[item.name])}",
                hint=f"add: {key} = …",
            )
    try:
        return kind(**values)
    except ValueError as error:  # a dataclass's own __post_init__ checks; its text is ours
        raise ConfigError(
            f"{place}: {error}", hint="correct it there; penstock config schema prints what each key takes"
        ) from None


def convert(kind: Any, value: object, place: Place, *, outer: Iterable[str] = ()) -> Any:
    """`value` as the type `kind`; raises ConfigError naming the key, the line and the expected type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or kind is object:
        return value
    if origin in (typing.Union, types.UnionType):
        return _one_of(arguments, value, place, outer)
    if origin is typing.Literal:
        if not any(value == argument and type(value) is type(argument) for argument in arguments):
            close = difflib.get_close_matches(str(value), [str(a) for a in arguments], 1)
            choices = ", ".join(repr(argument) for argument in arguments)
            raise ConfigError(
                f"{place} has an unknown value",
                why=f"known: {choices}",
                hint=f"did you mean {close[0]!r}?" if close else "",
            )
        return value
    if origin is tuple or origin is list or kind is tuple:
        if not isinstance(value, list | tuple):
            raise _mismatch(place, expected(kind), value)
        item = arguments[0] if arguments else Any
        for number, element in enumerate(value):
            _refuse_reference(element, place.at(number))
        found = [convert(item, element, place.at(i), outer=outer) for i, element in enumerate(value)]
        return found if origin is list else tuple(found)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise _mismatch(place, expected(kind), value)
        for key, element in value.items():
            _refuse_reference(element, place.at(key))
        return {str(key): convert(arguments[1], element, place.at(key)) for key, element in value.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return build(kind, value, place, outer=outer)
    return _scalar(kind, value, place)


def _refuse_reference(value: object, place: Place) -> None:
    """Raise ConfigError for a `${…}` where none is expanded: taken literally it would be a name nobody meant."""
    if isinstance(value, str) and is_reference(value):
        raise ConfigError(
            f"{place} is a ${{…}}, which is not expanded in this field",
            why="variables are expanded in the fields of [connections.NAME] only",
            hint="write the value itself; a variable can override it: PENSTOCK_DEVDB_SMALL_DATABASE=… for devdb.small.database",
        )


def _one_of(arguments: tuple[Any, ...], value: object, place: Place, outer: Iterable[str]) -> Any:
    candidates = [argument for argument in arguments if argument is not type(None)]
    fitting = [argument for argument in candidates if _could_be(argument, value)]
    if len(fitting) == 1:
        return convert(fitting[0], value, place, outer=outer)
    for argument in fitting:
        try:
            return convert(argument, value, place, outer=outer)
        except ConfigError:
            continue
    raise _mismatch(place, " or ".join(expected(argument) for argument in candidates), value)


def _could_be(kind: Any, value: object) -> bool:
    """Whether the shape of `value` (table, list, scalar) is that of `kind`; decides whose error a union reports."""
    origin = typing.get_origin(kind)
    if kind is Any or kind is object:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_could_be(argument, value) for argument in typing.get_args(kind))
    if origin is typing.Literal:
        return type(value) in {type(argument) for argument in typing.get_args(kind)}
    if origin in (tuple, list) or kind is tuple:
        return isinstance(value, list | tuple)
    if dataclasses.is_dataclass(kind) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return isinstance(value, Mapping)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is Path:
        return isinstance(value, str)
    return isinstance(kind, type) and isinstance(value, kind) and isinstance(value, bool) == (kind is bool)


def _scalar(kind: Any, value: object, place: Place) -> Any:
    if not _could_be(kind, value):
        raise _mismatch(place, expected(kind), value)
    if kind is float:
        return float(typing.cast("float", value))
    if kind is Path:
        return Path(typing.cast("str", value))
    return value


def unknown_key(place: Place, key: str, known: Iterable[str], outer: Iterable[str] = ()) -> ConfigError:
    """The error for a key nobody reads, with the key that was probably meant."""
    known, outer = sorted(known), set(outer)
    if key in outer and key not in known:
        above = ".".join(str(k) for k in place.keys[:-1] if not isinstance(k, int)).rpartition(".")[0]
        hint = f"move it above the line [[…]], directly under [{above}]"
        return ConfigError(
            f"unknown key {place}", why="in TOML a key belongs to the last [header] above it", hint=hint
        )
    close = difflib.get_close_matches(key, known, 1)
    return ConfigError(
        f"unknown key {place}",
        why="known here: " + (", ".join(known) if known else "nothing"),
        hint=f"did you mean {close[0]!r}?" if close else "remove it",
    )


_NAMES = {
    str: "a text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path in quotes",
}


def expected(kind: Any) -> str:
    """A type in the words of someone who edits a TOML file."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return "one of " + ", ".join(repr(argument) for argument in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(expected(argument) for argument in arguments if argument is not type(None))
    if origin in (tuple, list):
        return f"a list of: {expected(arguments[0])}"
    if dataclasses.is_dataclass(kind) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return "a table"
    return _NAMES.get(kind, "a value")


def _mismatch(place: Place, wanted: str, value: object) -> ConfigError:
    names = {
        bool: "true or false",
        str: "a text",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return ConfigError(
        f"{place} has the wrong type",
        why=f"expected {wanted}, found {names.get(type(value), 'a date')}",
        hint=f"write {wanted} there",
    )
