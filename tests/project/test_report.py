"""Every setting in force is shown with where it comes from, and no secret among them."""

from __future__ import annotations

from collections.abc import Callable

import penstock.devdb.config  # noqa: F401  registers [devdb.NAME]
from penstock.project.report import settings_in_force
from penstock.project.settings import ProjectSettings

TOML = """\
[connections.prod]
role = "source"
url = "${DATABASE_URL}"
sslmode = "require"
[connections.dev]
role = "target"
host = "${UNSET_HOST:-localhost}"
password_cmd = ["no-such-program"]
[connections.broken]
role = "target"
host = "${NOT_SET}"
[devdb.small]
[[devdb.small.root]]
table = "t"
"""
ENV = "DATABASE_URL=postgresql://u:canary-pw@h:1/d\nPENSTOCK_KEY=" + "0123456789abcdef" * 4 + "\n"


def test_settings_and_origins(project: Callable[..., ProjectSettings]) -> None:
    found = {item.key: (item.value, item.origin) for item in settings_in_force(project(TOML, ENV))}
    assert found["connections.prod.host"] == ("h", ".env:1")
    assert found["connections.prod.password"] == ("****", ".env:1")
    assert found["connections.prod.sslmode"] == ("require", "penstock.toml:4")
    assert found["connections.prod.url"] == ("postgresql://u@h:1/d", "penstock.toml:3")
    assert found["connections.dev.host"] == ("localhost", "default in penstock.toml")
    assert found["connections.dev.port"] == (5432, "default")
    assert found["connections.dev.password"] == ("****", "command no-such-program (not run)")
    assert found["connections.broken"][0] is None
    assert "NOT_SET" in found["connections.broken"][1]
    assert found["devdb.small.root[0].table"] == ("t", "penstock.toml:14")
    assert found["devdb.small.unclassified"] == ("refuse", "default")
    assert found["PENSTOCK_KEY"] == ("****", ".env:2")


def test_no_secret_is_among_them(project: Callable[..., ProjectSettings]) -> None:
    text = str(settings_in_force(project(TOML, ENV)))
    assert "canary" not in text
    assert "0123456789abcdef" not in text
