"""`penstock init`: a new project from two URLs, or from the variables that an existing `.env` already has."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from penstock.errors import ConfigError, UsageError
from penstock.project import envfile, scaffold
from penstock.project.redact import REDACTED_DSN, redact_url, remember, split_url
from penstock.project.scaffold import Endpoint, Written


def init(
    folder: str | Path = ".",
    *,
    name: str = "",
    source: str = "",
    source_env: str = "",
    source_password: str = "",
    target: str = "",
    target_env: str = "",
    target_password: str = "",
    database: str = "",
) -> list[Written]:
    """Start a project in `folder`: penstock.toml, .env with a fresh key, .env.example and .gitignore lines.

    `source` (production) and `target` (the server for development databases) are URLs; `source_env` and `target_env`
    name the variables of .env instead, by their prefix (`RDS` for RDS_HOST, …). Without a source the only connection
    that .env describes is it, without a target this machine. Passwords go to .env, whichever way they come.
    Nothing is overwritten; empty where everything is there already. Raises ConfigError, UsageError, SecretExposed.
    """
    root = Path(folder).resolve()
    if is_started(root):
        return []
    found = detected(root)
    if not (source or source_env):
        source_env = next(iter(found)) if len(found) == 1 else ""
    if not (target or target_env):
        target = default_target()
    name = name or default_name(root)
    production = _endpoint("prod", "source", source, source_env, source_password, found)
    development = _endpoint("dev", "target", target, target_env, target_password, found)
    return scaffold.write(root, name, [production, development], database or default_database(name))


def is_started(root: Path) -> bool:
    """Whether the project is there already, with its key. Raises ConfigError when only a part of it is."""
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder", hint=f"mkdir -p {root}")
    return scaffold.refuse_existing(root)


def detected(root: Path) -> dict[str, dict[str, str]]:
    """The connections that the folder's .env describes, by the prefix of their variables."""
    return scaffold.detect({key: line.value for key, line in envfile.read(root / ".env").items()})


def default_name(root: Path) -> str:
    return root.name or "shop"


def default_database(name: str) -> str:
    return f"{name}_dev".replace("-", "_")


def default_target() -> str:
    return f"postgresql://{quote(getpass.getuser(), safe='')}@localhost:5432/postgres"


def split_password(url: str, role: str) -> tuple[str, str]:
    """The URL without its password, and the password, decoded."""
    parts = split_url(url)
    if parts is None or parts["scheme"] not in ("postgresql", "postgres") or redact_url(url) == REDACTED_DSN:
        remember(url)
        raise UsageError(f"the URL of the {role} cannot be read", hint="postgresql://user@host:5432/database")
    user, _, password = parts["userinfo"].partition(":")
    remember(password)
    bare = f"{parts['scheme']}://{quote(unquote(user), safe='') + '@' if user else ''}{parts['host']}"
    bare += f":{parts['port']}" if parts["port"] else ""
    bare += f"/{parts['database']}" if parts["database"] else ""
    return bare + (f"?{parts['query']}" if parts["query"] else ""), unquote(password)


def _endpoint(
    name: str, role: str, url: str, prefix: str, password: str, found: Mapping[str, Mapping[str, str]]
) -> Endpoint:
    prefix = prefix.rstrip("_")
    if url and prefix:
        raise UsageError(
            f"the {role} is named twice: by its URL and by variables of .env",
            hint=f"keep one: --{role}-env {prefix}",
        )
    if prefix:
        if prefix not in found:
            raise ConfigError(
                f".env does not describe a connection with variables {prefix}_HOST, …",
                why="found: " + (", ".join(found) or "none"),
                hint=f"penstock init --{role} postgresql://user@host:5432/database",
            )
        return Endpoint(name, role, found[prefix])
    if not url:
        raise UsageError(
            f"no {role} was named", hint=f"penstock init --{role} postgresql://reader@host:5432/shop"
        )
    bare, in_url = split_password(url, role)
    remember(password)
    variable = f"{name.upper()}_PASSWORD"
    return Endpoint(
        name, role, {"url": bare, "password": f"${{{variable}:-}}"}, {variable: password or in_url}
    )
