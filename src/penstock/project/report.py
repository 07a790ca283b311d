"""Every setting in force and where it comes from: what `penstock config show` prints."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock import registry
from penstock.errors import PenstockError
from penstock.project.environment import reference
from penstock.project.loader import key_of
from penstock.project.redact import MASK, redact_url
from penstock.project.secret import Secret
from penstock.project.settings import ProjectSettings


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting by its dotted key. `value` never holds a secret; None means that nothing sets it."""

    key: str
    value: Any
    origin: str


def settings_in_force(project: ProjectSettings) -> list[Setting]:
    """The settings in the order of the file's sections, defaults of used sections included."""
    origin = project.origins.get
    found = [
        Setting("project.name", project.name, origin("project.name", "the folder's name")),
        Setting("project.masks", project.masks_path.name, origin("project.masks", "default")),
        _key(project),
    ]
    for name in project.tables:
        found += _connection(project, name)
    for section in registry.sections().values():
        if section.name not in project.sections:
            continue
        instances = project.sections[section.name]
        if section.many:
            for name, instance in instances.items():
                found += _fields(project, f"{section.name}.{name}", instance)
        else:
            found += _fields(project, section.name, instances)
    return found


def _key(project: ProjectSettings) -> Setting:
    try:
        return Setting("PENSTOCK_KEY", MASK, project.key().origin)
    except PenstockError as error:
        return Setting("PENSTOCK_KEY", None, error.what)


def _connection(project: ProjectSettings, name: str) -> Iterator[Setting]:
    """The fields as the driver gets them; the password as asterisks, looked up but not fetched by a command."""
    prefix = f"connections.{name}"
    table = project.tables[name]
    yield Setting(f"{prefix}.role", table.role, project.origins.get(f"{prefix}.role", "default"))
    if table.role == "lake":
        yield from _lake(project, name)
        return
    try:
        located = project.located(name)
    except PenstockError as error:
        yield Setting(prefix, None, error.what)
        return
    if table.url is not None:
        where = project.origins.get(f"{prefix}.url", "default")
        found = reference(table.url, f"{prefix}.url")
        url = project.environment.expand(found, f"{prefix}.url").value if found else table.url
        yield Setting(f"{prefix}.url", redact_url(url), where)
    for field in ("host", "port", "dbname", "user", "sslmode"):
        if field in located.origins:
            yield Setting(f"{prefix}.{field}", getattr(located.settings, field), located.origins[field])
    yield _password(project, name)
    for key, value in located.settings.params.items():
        yield Setting(
            f"{prefix}.params.{key}", value, project.origins.get(f"{prefix}.params.{key}", "the url")
        )


def _lake(project: ProjectSettings, name: str) -> Iterator[Setting]:
    prefix = f"connections.{name}"
    try:
        lake = project.lake(name)
    except PenstockError as error:
        yield Setting(prefix, None, error.what)
        return
    for field, origin in lake.origins.items():
        value = lake.settings.describe() if field == "url" else getattr(lake.settings, field)
        yield Setting(f"{prefix}.{field}", MASK if isinstance(value, Secret) else value, origin)


def _password(project: ProjectSettings, name: str) -> Setting:
    key = f"connections.{name}.password"
    table = project.tables[name]
    if table.password_cmd:
        return Setting(key, MASK, f"command {table.password_cmd[0]} (not run)")
    try:
        secret = project.connection(name).password
    except PenstockError as error:
        return Setting(key, None, error.what)
    return Setting(key, MASK if secret else None, secret.origin if secret else "nothing supplies one")


def _fields(project: ProjectSettings, prefix: str, value: Any) -> Iterator[Setting]:
    """The fields of a section, nested tables flattened to dotted keys."""
    for item in dataclasses.fields(value):
        key = f"{prefix}.{key_of(item)}"
        inner = getattr(value, item.name)
        if dataclasses.is_dataclass(inner):
            yield from _fields(project, key, inner)
        elif (
            isinstance(inner, tuple) and inner and all(dataclasses.is_dataclass(element) for element in inner)
        ):
            for number, element in enumerate(inner):
                yield from _fields(project, f"{key}[{number}]", element)
        elif isinstance(inner, Mapping):
            for name, element in inner.items():
                if dataclasses.is_dataclass(element):
                    yield from _fields(project, f"{key}.{name}", element)
                else:
                    yield Setting(f"{key}.{name}", element, project.origins.get(f"{key}.{name}", "default"))
        else:
            yield Setting(key, inner, project.origins.get(key, "default"))
