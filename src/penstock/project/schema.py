"""The JSON Schema of penstock.toml (draft 2020-12), made from the dataclasses that read it, for editors."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock import registry
from penstock.project.connections import ConnectionTable
from penstock.project.loader import key_of
from penstock.project.settings import ProjectTable

_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Path: {"type": "string"},
}


def project_schema() -> dict[str, Any]:
    """The schema for `[project]`, `[connections.NAME]` and every section registered so far."""
    properties = {
        "project": _dataclass(ProjectTable),
        "connections": {"type": "object", "additionalProperties": _dataclass(ConnectionTable)},
    }
    for section in registry.sections().values():
        table = _dataclass(section.settings)
        properties[section.name] = (
            {"type": "object", "additionalProperties": table} if section.many else table
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "penstock.toml",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _dataclass(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    fields = [item for item in dataclasses.fields(kind) if item.init]
    required = [
        key_of(item)
        for item in fields
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    ]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {key_of(item): _property(item, hints[item.name]) for item in fields},
        "additionalProperties": False,
    }
    summary = (kind.__doc__ or "").strip().partition("\n")[0]
    return (
        schema | ({"required": required} if required else {}) | ({"description": summary} if summary else {})
    )


def _property(item: dataclasses.Field[Any], kind: Any) -> dict[str, Any]:
    schema = _type(kind)
    if isinstance(item.default, str | int | float | bool) and item.default != "":
        schema = schema | {"default": item.default}
    return schema


def _type(kind: Any) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        choices = [_type(argument) for argument in arguments if argument is not type(None)]
        return choices[0] if len(choices) == 1 else {"anyOf": choices}
    if origin in (tuple, list):
        return {"type": "array", "items": _type(arguments[0])}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind)
    return {}
