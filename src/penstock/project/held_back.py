"""What of our environment no other program is given: the variables that hold the project's secrets.

By name: the key, what the connections refer to as a secret, and whatever stands in `.env`. By value too, because the same
password may stand in a variable of another name, such as a `DATABASE_URL`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import quote

from penstock.project.environment import reference
from penstock.project.key import KEY_NAME
from penstock.project.secret import Secret
from penstock.project.settings import ProjectSettings

_FIELDS = ("url", "password", "password_file", "access_key", "secret_key")
_LIBPQ = ("PGPASSWORD", "PGPASSFILE")
_NEEDED = ("PATH", "HOME")
_TELLING = 8  # a secret of fewer characters may stand in a harmless text by chance


def names(project: ProjectSettings, secrets: Iterable[Secret | None]) -> frozenset[str]:
    """The variables to leave out for other programs. `secrets` are looked for in the values."""
    found = {KEY_NAME, *_LIBPQ, *project.environment.in_file}
    for connection, table in project.tables.items():
        for field in _FIELDS:
            text = getattr(table, field)
            said = reference(text, f"connections.{connection}.{field}") if text else None
            if said is not None:
                found.add(said.name)
    found |= {f"{name}_FILE" for name in found}
    texts = {
        text for secret in secrets if secret for text in (secret.reveal(), quote(secret.reveal(), safe=""))
    }
    found |= {name for name, value in os.environ.items() if any(_tells(value, text) for text in texts)}
    return frozenset(found - {*_NEEDED})


def plain_environment() -> dict[str, str]:
    """Ours without the key and without libpq's variables, for the programs of PostgreSQL, which are told what they need."""
    return {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("PG") and k not in (KEY_NAME, f"{KEY_NAME}_FILE")
    }


def _tells(value: str, secret: str) -> bool:
    return value == secret or (len(secret) >= _TELLING and secret in value)
