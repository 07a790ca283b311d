"""A project: the folder with `penstock.toml`, read once, with the secrets resolved as late as possible.

Sections belong to the jobs that registered them (`penstock.registry`); this module only knows `[project]` and
`[connections.NAME]`. Precedence: an override (flag), the environment (`PENSTOCK_CONNECTIONS_PROD_HOST`,
`PENSTOCK_DEVDB_SMALL_DATABASE`), the file; inside the file `${VAR}` is looked up in the environment, then in `.env`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from penstock import registry
from penstock.errors import ConfigError, TargetRefused, UnknownName
from penstock.project import exposure, overrides, toml_lines
from penstock.project.connections import (
    ConnectionSettings,
    ConnectionTable,
    Resolved,
    refuse_literal_secrets,
    resolve,
)
from penstock.project.environment import Environment
from penstock.project.key import KEY_NAME, parse_key
from penstock.project.lakes import ResolvedLake, resolve_lake
from penstock.project.loader import Place, build, unknown_key
from penstock.project.secret import Secret

PROJECT_FILE = "penstock.toml"


@dataclass(frozen=True, slots=True)
class ProjectTable:
    """`[project]`."""

    name: str
    masks: str = "masks.toml"


_OWN = {
    "project": registry.Section("project", ProjectTable, many=False),
    "connections": registry.Section("connections", ConnectionTable, many=True),
}


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """Everything a command may ask of a project. Holds no secret until a connection or the key is asked for."""

    root: Path
    name: str
    masks_path: Path
    tables: Mapping[str, ConnectionTable]
    sections: Mapping[str, Mapping[str, Any]]
    environment: Environment
    origins: Mapping[str, str]
    overrides: Mapping[str, str] = field(default_factory=dict)  # what flags set: a worker needs them too
    _resolved: dict[str, Resolved] = field(default_factory=dict, repr=False)

    @property
    def path(self) -> Path:
        return self.root / PROJECT_FILE

    @property
    def state_dir(self) -> Path:
        """`.penstock/`: caches and history; losing it loses nothing that matters."""
        return self.root / ".penstock"

    def require_connection(self, name: str) -> None:
        """Raise UnknownName unless the project has a connection of that name."""
        if name not in self.tables:
            raise unknown_name("connection", name, self.tables, f"[connections.{name}]")

    def resolved(self, name: str) -> Resolved:
        """A connection with the origin of each field. Raises UnknownName, ConfigError, SecretExposed."""
        self.require_connection(name)
        if name not in self._resolved:
            self._resolved[name] = resolve(name, self.tables[name], self.environment, self.origin_of(name))
        return self._resolved[name]

    def located(self, name: str) -> Resolved:
        """The same without its password: no file is read, no command is run. Raises as `resolved` does."""
        self.require_connection(name)
        return resolve(name, self.tables[name], self.environment, self.origin_of(name), with_password=False)

    def lake(self, name: str) -> ResolvedLake:
        """A connection of the role `lake`. Raises UnknownName, ConfigError."""
        self.require_connection(name)
        return resolve_lake(name, self.tables[name], self.environment, self.origin_of(name), self.root)

    def refuse_exposed_secrets(self) -> None:
        """Raise SecretExposed for a literal password in the file or an env file that git tracks."""
        for name, table in self.tables.items():
            refuse_literal_secrets(name, table, self.origin_of(name))
        exposure.refuse_tracked_env(self.root)

    def connection(self, name: str) -> ConnectionSettings:
        """The settings of one connection, password included. Raises UnknownName, ConfigError, SecretExposed."""
        return self.resolved(name).settings

    def only_connection(self, role: str, name: str | None = None, *, section: str = "") -> ConnectionSettings:
        """The connection called `name`, or the only one of that role.

        `section` is where the choice is written (`[devdb.small]`); without one the command takes `--on`.
        Raises UnknownName when there is a choice, TargetRefused when a source is named where something is written.
        """
        if name is not None:
            self.require_connection(name)
            if self.tables[name].role == "source" and role != "source":
                raise TargetRefused(
                    f"the connection {name} is named as the {role}, but its role is source",
                    why="a source is never written to",
                    hint=f'in {section}: {role} = "…", a connection with role = "{role}"'
                    if section
                    else f'name a connection with role = "{role}"; they are listed by: penstock conn list',
                )
            return self.connection(name)
        candidates = [key for key, table in self.tables.items() if table.role == role]
        if len(candidates) != 1:
            raise UnknownName(
                f"{'no' if not candidates else 'more than one'} connection has the role {role}",
                why="found: " + (", ".join(candidates) or "none"),
                hint=(f'{role} = "{candidates[0]}" in {section}' if section else f"--on {candidates[0]}")
                if candidates
                else f'[connections.{"prod" if role == "source" else "dev"}] … role = "{role}"',
            )
        return self.connection(candidates[0])

    def section(self, name: str, instance: str | None = None) -> Any:
        """The settings of `[name.instance]` (or of `[name]`) as the registered dataclass. Raises UnknownName."""
        if name not in registry.sections() and name not in self.sections:
            raise unknown_name("section", name, registry.sections(), f"[{name}]")
        if instance is None:
            if name not in self.sections:
                raise unknown_name("section", name, self.sections, f"[{name}]")
            return self.sections[name]
        instances = self.sections.get(name, {})
        if instance not in instances:
            raise unknown_name(name, instance, instances, f"[{name}.{instance}]")
        return instances[instance]

    def key(self) -> Secret:
        """The project key as written (64 hex digits). Raises ConfigError when it is missing or malformed."""
        variable = self.environment.lookup(KEY_NAME)
        if variable is None or not variable.value:
            raise ConfigError(
                f"the project has no key: {KEY_NAME} is {'empty' if variable else 'not set'}",
                why=f"pseudonyms are computed with it; looked in the environment and in {self.root / '.env'}",
                hint="ask a colleague for the project's key; for a new project: penstock init",
            )
        secret = Secret(variable.value, variable.origin)
        parse_key(secret)
        return secret

    def key_bytes(self) -> bytes:
        """The 32 bytes of the project key. Raises ConfigError as `key` does."""
        return parse_key(self.key())

    def origin_of(self, name: str) -> Callable[[str], str]:
        """Where a field of a connection is written, for messages."""
        return _Origins(self.origins, f"connections.{name}.")


@dataclass(frozen=True, slots=True)
class _Origins:
    origins: Mapping[str, str]
    prefix: str

    def __call__(self, key: str) -> str:
        return self.origins.get(self.prefix + key, "default")


def unknown_name(kind: str, name: str, known: Iterable[str], write: str) -> UnknownName:
    """The error for a name the project file does not define."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return UnknownName(
        f"there is no {kind} {name!r} in {PROJECT_FILE}",
        why="known: " + (", ".join(known) or "none"),
        hint=f"did you mean {close[0]}?" if close else f"add {write}",
    )


def find_project_file(start: Path) -> Path:
    """`penstock.toml` in `start` or the nearest folder above it. Raises ConfigError."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
    raise ConfigError(
        f"no {PROJECT_FILE} here",
        why=f"looked in {start} and every folder above it",
        hint="penstock init   (or -C FOLDER, or PENSTOCK_PROJECT=FOLDER)",
    )


def load(
    path: Path | None = None, *, flags: Mapping[str, str] | None = None, guarded: bool = True
) -> ProjectSettings:
    """Read the project at `path` (the file or its folder; default: PENSTOCK_PROJECT, then here and upwards).

    `flags` overrides single settings by dotted key (`connections.prod.host`). Sections of jobs are read with the
    dataclasses registered so far: import the job first. Raises ConfigError for anything wrong in the file and
    SecretExposed when a secret of the project lies open (`guarded=False` is for `doctor`, which reports that itself).
    """
    if path is None and os.environ.get("PENSTOCK_PROJECT"):
        path = Path(os.environ["PENSTOCK_PROJECT"])
    if path is None or path.is_dir():
        file = find_project_file(path or Path.cwd()) if path is None else path / PROJECT_FILE
    else:
        file = path
    raw, text = _read(file)
    lines = toml_lines.index(text)

    def line_of(keys: tuple[str | int, ...]) -> str:
        line = toml_lines.find(lines, keys)
        return file.name if line is None else f"{file.name}:{line}"

    settings = _assemble(file.resolve(), raw, Place((), line_of), flags or {})
    if guarded:
        settings.refuse_exposed_secrets()
    return settings


def _read(file: Path) -> tuple[dict[str, Any], str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{file} cannot be read", why=why, hint="penstock init") from None
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{file.name} is not valid TOML",
            why=str(error),
            hint="texts stand in quotes; a password never stands here",
        ) from None


def _assemble(file: Path, raw: dict[str, Any], place: Place, flags: Mapping[str, str]) -> ProjectSettings:
    known = {*_OWN, *registry.sections()}
    for key in raw:
        if key not in known:
            raise unknown_key(place.at(key), key, known)
    origins = overrides.file_origins(raw, place)
    environment = Environment.of(file.parent)
    overrides.apply(raw, flags, environment, origins, _OWN)
    project = build(ProjectTable, raw.get("project", {"name": file.parent.name}), place.at("project"))
    tables = {
        name: build(ConnectionTable, table, place.at("connections").at(name))
        for name, table in _instances(raw, "connections", place).items()
    }
    root = file.parent
    return ProjectSettings(
        root=root,
        name=project.name,
        masks_path=root / project.masks,
        tables=MappingProxyType(tables),
        sections=MappingProxyType(_sections(raw, place)),
        environment=environment,
        origins=MappingProxyType(origins),
        overrides=dict(flags),
    )


def _sections(raw: Mapping[str, Any], place: Place) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Any] = {}
    for section in registry.sections().values():
        if section.name not in raw:
            continue
        if section.many:
            found[section.name] = MappingProxyType(
                {
                    name: build(section.settings, table, place.at(section.name).at(name))
                    for name, table in _instances(raw, section.name, place).items()
                }
            )
        else:
            found[section.name] = build(section.settings, raw[section.name], place.at(section.name))
    return found


def _instances(raw: Mapping[str, Any], name: str, place: Place) -> Mapping[str, Any]:
    """The tables of `[name.INSTANCE]`."""
    tables = raw.get(name, {})
    if not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        stray = (
            next((key for key, table in tables.items() if not isinstance(table, Mapping)), "")
            if isinstance(tables, Mapping)
            else ""
        )
        raise ConfigError(
            f"{place.at(name)} holds named tables only" + (f", not the key {stray!r}" if stray else ""),
            hint=f"[{name}.NAME]",
        )
    return tables
