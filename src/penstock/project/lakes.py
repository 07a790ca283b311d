"""A connection of the role `lake`: a folder, or a prefix of a bucket of an S3-compatible object store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.errors import ConfigError
from penstock.project.environment import Environment, Variable, reference
from penstock.project.redact import redact_url
from penstock.project.secret import Secret

if TYPE_CHECKING:
    from penstock.project.connections import ConnectionTable

BUCKET = "s3://"
SECRETS = ("access_key", "secret_key")
_OWN = ("url", "endpoint", "region", *SECRETS)
_OF_DATABASES = ("host", "port", "dbname", "user", "password", "password_file", "password_cmd", "sslmode")


@dataclass(frozen=True, slots=True)
class LakeSettings:
    """Where files go. `url` is `s3://bucket/prefix` or the absolute path of a folder."""

    name: str
    url: str
    endpoint: str = ""  # of an object store that is not Amazon's
    region: str = ""
    access_key: Secret | None = None
    secret_key: Secret | None = None

    @property
    def is_bucket(self) -> bool:
        return self.url.startswith(BUCKET)

    def describe(self) -> str:
        """The address; nothing secret stands in it."""
        return redact_url(self.url) if self.is_bucket else self.url


@dataclass(frozen=True, slots=True)
class ResolvedLake:
    """A lake and the origin of each of its fields."""

    settings: LakeSettings
    origins: Mapping[str, str]


def resolve_lake(
    name: str, table: ConnectionTable, environment: Environment, origin: Callable[[str], str], root: Path
) -> ResolvedLake:
    """Expand the references of a lake. Raises ConfigError for missing variables and fields that no lake has."""
    where = f"connections.{name}"
    for key in _OF_DATABASES:
        if getattr(table, key):
            raise ConfigError(
                f"{where}.{key} ({origin(key)}) is for databases, and {where} is a lake",
                hint="a lake has: " + ", ".join(_OWN),
            )
    found: dict[str, Variable] = {}
    for key in _OWN:
        value = getattr(table, key)
        if value is None:
            continue
        variable = reference(value, f"{where}.{key} ({origin(key)})")
        resolved = (
            environment.expand(variable, f"{where}.{key}") if variable else Variable(value, origin(key))
        )
        if resolved.value:
            found[key] = resolved
    if "url" not in found:
        raise ConfigError(
            f"{where} has no url", hint=f'[connections.{name}] url = "s3://bucket/prefix", or a folder'
        )
    if len([key for key in SECRETS if key in found]) == 1:
        raise ConfigError(
            f"{where} has one of access_key and secret_key",
            hint="set both, or neither: then the machine's own credentials are used",
        )
    settings = LakeSettings(
        name,
        _address(found["url"], where, root),
        found["endpoint"].value if "endpoint" in found else "",
        found["region"].value if "region" in found else "",
        *(Secret(found[key].value, found[key].origin) if key in found else None for key in SECRETS),
    )
    return ResolvedLake(settings, {key: variable.origin for key, variable in found.items()})


def _address(url: Variable, where: str, root: Path) -> str:
    text = url.value.rstrip("/")
    if text.startswith(BUCKET):
        path = text.removeprefix(BUCKET)
        if not path or is_crooked(path) or any(c in text for c in "@?#"):
            raise ConfigError(
                f"{where}.url ({url.origin}) does not name a bucket and a prefix alone",
                why="keys and options have fields of their own",
                hint='url = "s3://bucket/prefix"',
            )
        return text
    if "://" in text.removeprefix("file://"):
        raise ConfigError(
            f"{where}.url ({url.origin}) starts with a scheme Penstock does not know",
            why="known for files: s3://, and folders",
            hint='url = "s3://bucket/prefix"',
        )
    return str((root / Path(text.removeprefix("file://") or "/").expanduser()).resolve())


def is_crooked(path: str) -> bool:
    """Whether part of a path leads elsewhere than down."""
    return bool(path) and any(part in ("", ".", "..") for part in path.split("/"))
