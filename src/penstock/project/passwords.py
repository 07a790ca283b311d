"""Where the password of a connection comes from.

In this order: the field, the url, a file, a command, PGPASSWORD, `~/.pgpass`. A command is an argument list, never a
shell line, and gets 30 seconds.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.errors import ConfigError
from penstock.project.environment import Variable, read_secret_file
from penstock.project.secret import Secret

if TYPE_CHECKING:
    from penstock.project.connections import ConnectionSettings

COMMAND_SECONDS = 30
_PGPASS_FIELD = re.compile(r"((?:\\.|[^:\\])*)(?::|$)")


def find(
    settings: ConnectionSettings,
    *,
    literal: Variable | None,
    in_url: Variable | None,
    file: Variable | None,
    command: tuple[str, ...] | None,
    where: str,
) -> Secret | None:
    """The password, or None when nothing supplies one. Raises ConfigError when what should supply it fails."""
    given = [
        key
        for key, value in (("password", literal), ("password_file", file), ("password_cmd", command))
        if value
    ]
    if len(given) > 1:
        raise ConfigError(
            f"{where} has both {given[0]} and {given[1]}", hint=f"keep one of them in [{where}]"
        )
    for variable in (literal, in_url):
        if variable is not None and variable.value:
            return Secret(variable.value, variable.origin)
    if file is not None:
        return Secret(read_secret_file(Path(file.value), f"{where}.password_file"), f"file {file.value}")
    if command:
        return Secret(_run(command, where), f"command {command[0]}")
    if os.environ.get("PGPASSWORD"):
        return Secret(os.environ["PGPASSWORD"], "environment PGPASSWORD")
    return _from_pgpass(settings)


def _run(command: tuple[str, ...], where: str) -> str:
    hint = f"run it yourself: {' '.join(command[:1])} …"
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{where}.password_cmd took longer than {COMMAND_SECONDS} s", hint=hint) from None
    except OSError as error:
        raise ConfigError(
            f"{where}.password_cmd could not start", why=error.strerror or "", hint=hint
        ) from None
    text = done.stdout.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    if done.returncode or not text:
        why = f"exit code {done.returncode}" if done.returncode else "it printed nothing"
        raise ConfigError(f"{where}.password_cmd failed", why=why, hint=hint)
    return text


def _from_pgpass(settings: ConnectionSettings) -> Secret | None:
    """The password file of libpq: first match wins; ignored when others may read it."""
    path = Path(os.environ.get("PGPASSFILE") or "~/.pgpass").expanduser()
    try:
        if path.stat().st_mode & 0o077:
            return None
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    host = "localhost" if settings.host.startswith("/") else settings.host
    wanted = (host, str(settings.port), settings.dbname, settings.user)
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            continue
        parts = [re.sub(r"\\(.)", r"\1", part) for part in _PGPASS_FIELD.findall(line)[:5]]
        if len(parts) == 5 and all(p in ("*", w) for p, w in zip(parts[:4], wanted, strict=True)):
            return Secret(parts[4], f"{path.name}:{number}")
    return None
