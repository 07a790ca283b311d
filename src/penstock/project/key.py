"""The project key as text: 32 random bytes as 64 hex digits (`PENSTOCK_KEY` in `.env`)."""

from __future__ import annotations

import secrets

from penstock.errors import ConfigError
from penstock.project.secret import Secret

KEY_NAME = "PENSTOCK_KEY"
_KEY_BYTES = 32


def new_key() -> Secret:
    """A fresh key from the operating system's random source."""
    return Secret(secrets.token_hex(_KEY_BYTES), "new")


def parse_key(key: Secret) -> bytes:
    """The bytes of a key. Raises ConfigError when it is not 64 hex digits; there is no weaker form."""
    try:
        value = bytes.fromhex(key.reveal())
    except ValueError:
        value = b""
    if len(value) != _KEY_BYTES or len(set(value)) == 1:
        raise ConfigError(
            f"{KEY_NAME} ({key.origin}) is not a key",
            why=f"a key is {_KEY_BYTES} random bytes, written as {2 * _KEY_BYTES} hex digits",
            hint="python -c 'import secrets; print(secrets.token_hex(32))'   (a new key means new pseudonyms)",
        )
    return value
