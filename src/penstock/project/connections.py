"""A named connection: from the table in penstock.toml to the settings a driver needs.

A connection is a `url`, or single fields, or a `url` completed by single fields (a field wins over the same part of the
url). What the committed file says literally may not contain a password; what variables, files and commands supply may.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote

from penstock.errors import ConfigError, SecretExposed
from penstock.project import passwords
from penstock.project.environment import Environment, Variable, reference
from penstock.project.lakes import SECRETS as LAKE_SECRETS
from penstock.project.redact import redact_url, remember, split_url
from penstock.project.secret import Secret

Role = Literal["source", "target", "warehouse", "lake"]
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
PARAMETERS = ("connect_timeout", "sslcert", "sslkey", "sslrootcert")  # as libpq calls them
_SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql"}
_DEFAULT_PORT = {"postgresql": 5432}
_EXPANDED = {"expand": True}


@dataclass(frozen=True, slots=True)
class ConnectionTable:
    """`[connections.NAME]` as written; every field but `role` and `password_cmd` may be a `${VAR}`."""

    role: Role
    url: str | None = field(default=None, metadata=_EXPANDED)
    host: str | None = field(default=None, metadata=_EXPANDED)
    port: int | str | None = field(default=None, metadata=_EXPANDED)
    dbname: str | None = field(default=None, metadata=_EXPANDED)
    user: str | None = field(default=None, metadata=_EXPANDED)
    password: str | None = field(default=None, metadata=_EXPANDED, repr=False)
    password_file: str | None = field(default=None, metadata=_EXPANDED)
    password_cmd: tuple[str, ...] | None = None
    sslmode: SslMode | str | None = field(default=None, metadata=_EXPANDED)
    params: Mapping[str, str] = field(default_factory=dict)
    endpoint: str | None = field(default=None, metadata=_EXPANDED)  # of a lake, as the next three
    region: str | None = field(default=None, metadata=_EXPANDED)
    access_key: str | None = field(default=None, metadata=_EXPANDED, repr=False)
    secret_key: str | None = field(default=None, metadata=_EXPANDED, repr=False)


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Where and as whom to connect. `host` may be the directory of a unix socket."""

    name: str
    role: Role
    host: str
    port: int
    dbname: str
    user: str
    password: Secret | None = None
    sslmode: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    engine: str = "postgresql"

    def describe(self) -> str:
        """The connection as a URL without its password."""
        user = quote(self.user, safe="")
        if self.host.startswith("/"):
            return redact_url(
                f"{self.engine}://{user}@/{quote(self.dbname)}?host={self.host}&port={self.port}"
            )
        host = f"[{self.host}]" if ":" in self.host else self.host
        return redact_url(f"{self.engine}://{user}@{host}:{self.port}/{quote(self.dbname)}")

    def with_database(self, dbname: str) -> ConnectionSettings:
        """The same server, another database."""
        return replace(self, dbname=dbname)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A connection and the origin of each of its fields (`.env:3`, `penstock.toml:12`, `default`)."""

    settings: ConnectionSettings
    origins: Mapping[str, str]


def refuse_literal_secrets(name: str, table: ConnectionTable, origin: Callable[[str], str]) -> None:
    """Raise SecretExposed if the committed file holds a password: in the url, as `password`, as a default."""
    where = f"connections.{name}"
    variable = "".join(c if c.isalnum() else "_" for c in name).upper() + "_PASSWORD"
    for key, value in (("password", table.password), *((key, getattr(table, key)) for key in LAKE_SECRETS)):
        found = reference(value, f"{where}.{key}") if value else None
        if value and (found is None or found.default):
            remember(value if found is None else found.default or "")
            of_key = variable if key == "password" else variable.removesuffix("PASSWORD") + key.upper()
            raise _exposed(f"{where}.{key}", origin(key), f'{key} = "${{{of_key}}}"')
    if table.url and reference(table.url, f"{where}.url") is None and _secrets_in(table.url):
        raise _exposed(
            f"the url of {where}", origin("url"), f'password = "${{{variable}}}", and the url without it'
        )
    if table.url and (found := reference(table.url, where)) and found.default and _secrets_in(found.default):
        raise _exposed(f"the default of {where}.url", origin("url"), f'password = "${{{variable}}}"')


def _secrets_in(url: str) -> bool:
    parts = split_url(url)
    if parts is None:
        return "@" in url or "password" in url.lower()
    found = [parts["userinfo"].partition(":")[2]]
    found += [value for key, value in parse_qsl(parts["query"]) if "password" in key.lower()]
    for secret in found:
        remember(secret)
        remember(unquote(secret))
    return any(found)


def _exposed(what: str, where: str, fix: str) -> SecretExposed:
    return SecretExposed(
        f"{what} ({where}) holds a password",
        why="penstock.toml is committed, and so is every version of it that git remembers",
        hint=f"change that password at the server, put the new one into .env, and write {fix}",
    )


def resolve(
    name: str,
    table: ConnectionTable,
    environment: Environment,
    origin: Callable[[str], str],
    *,
    with_password: bool = True,
) -> Resolved:
    """Expand the references of a connection and complete it with the defaults of its engine.

    `origin(field)` names the line of a field for messages. Without `with_password` no file is read and no command is
    run for it. Raises ConfigError for missing variables, an unreadable url or port; SecretExposed for a literal
    password.
    """
    refuse_literal_secrets(name, table, origin)
    where = f"connections.{name}"

    def expand(key: str, value: object) -> Variable | None:
        if value is None:
            return None
        found = reference(str(value), f"{where}.{key} ({origin(key)})")
        variable = environment.expand(found, f"{where}.{key}") if found else Variable(str(value), origin(key))
        return variable if variable.value else None

    fields = {key: expand(key, getattr(table, key)) for key in ("host", "port", "dbname", "user", "sslmode")}
    url = expand("url", table.url)
    parts, params = _read_url(url, where) if url else ({}, {})
    found: dict[str, Variable] = {
        **{k: v for k, v in parts.items() if v.value},
        **{k: v for k, v in fields.items() if v},
    }
    engine = parts["engine"].value if "engine" in parts else "postgresql"
    found.setdefault("host", Variable("localhost", "default"))
    found.setdefault("port", Variable(str(_DEFAULT_PORT[engine]), "default"))
    found.setdefault("user", Variable(os.environ.get("PGUSER") or getpass.getuser(), "default"))
    found.setdefault("dbname", Variable(found["user"].value, "default"))
    settings = ConnectionSettings(
        name=name,
        role=table.role,
        host=found["host"].value,
        port=_port(found["port"], where),
        dbname=found["dbname"].value,
        user=found["user"].value,
        sslmode=_sslmode(found.get("sslmode"), where),
        params={**params, **_parameters(table.params, where)},
        engine=engine,
    )
    origins = {key: variable.origin for key, variable in found.items() if key not in ("engine", "password")}
    if not with_password:
        return Resolved(settings, origins)
    secret = passwords.find(
        settings,
        literal=expand("password", table.password),
        in_url=parts.get("password"),
        file=expand("password_file", table.password_file),
        command=table.password_cmd,
        where=where,
    )
    if secret is not None:
        origins["password"] = secret.origin
    return Resolved(replace(settings, password=secret), origins)


def _read_url(url: Variable, where: str) -> tuple[dict[str, Variable], dict[str, str]]:
    parts = split_url(url.value)
    if parts is None:
        remember(url.value)
        raise ConfigError(
            f"{where}.url ({url.origin}) is not a database URL",
            why="it should read postgresql://user@host:5432/database",
            hint="use single fields instead: host, port, dbname, user",
        )
    engine = _SCHEMES.get(parts["scheme"])
    if engine is None:
        raise ConfigError(
            f"{where}.url ({url.origin}) starts with a scheme Penstock does not know",
            why="known: " + ", ".join(f"{scheme}://" for scheme in _SCHEMES),
            hint='url = "postgresql://user@host:5432/database"',
        )
    if "," in parts["host"]:
        raise ConfigError(
            f"{where}.url ({url.origin}) names several hosts",
            why="one run reads one snapshot of one server",
            hint="name one of them, a standby if there is one",
        )
    user, _, password = parts["userinfo"].partition(":")
    values = {
        "engine": engine,
        "host": unquote(parts["host"]).strip("[]"),
        "port": parts["port"],
        "dbname": unquote(parts["database"]),
        "user": unquote(user),
        "password": unquote(password),
    }
    query = dict(parse_qsl(parts["query"], keep_blank_values=True))
    for key in ("host", "port", "dbname", "user", "password", "sslmode"):
        values[key] = query.pop(key, "") or values.get(key, "")
    if password:
        remember(password)
        remember(url.value)
    params = _parameters(query, f"{where}.url")
    return {key: Variable(value, url.origin) for key, value in values.items()}, params


def _parameters(params: Mapping[str, str], where: str) -> dict[str, str]:
    from difflib import get_close_matches

    for key in params:
        if key not in PARAMETERS:
            close = get_close_matches(key, PARAMETERS, 1)
            raise ConfigError(
                f"{where} has an unknown parameter {key!r}",
                why="known: " + ", ".join(sorted(PARAMETERS)),
                hint=f"did you mean {close[0]}?" if close else "remove it",
            )
    if not params.get("connect_timeout", "1").isdecimal():
        raise ConfigError(
            f"{where}: connect_timeout is not a whole number of seconds", hint="connect_timeout = '10'"
        )
    return dict(params)


def _port(port: Variable, where: str) -> int:
    try:
        number = int(port.value)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise ConfigError(
            f"{where}.port ({port.origin}) is not a port number",
            hint="port = 5432, a whole number up to 65535",
        )
    return number


def _sslmode(mode: Variable | None, where: str) -> str | None:
    from typing import get_args

    if mode is not None and mode.value not in get_args(SslMode):
        raise ConfigError(
            f"{where}.sslmode ({mode.origin}) is unknown", hint="one of " + ", ".join(get_args(SslMode))
        )
    return mode.value if mode else None
