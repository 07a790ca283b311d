"""The one place that knows which jobs have a section in penstock.toml; importing a settings module registers it."""

from __future__ import annotations

import importlib

MODULES = ("penstock.devdb.config",)


def register() -> None:
    """Import the settings modules of the jobs (dataclasses only: nothing heavy comes with them)."""
    for module in MODULES:
        importlib.import_module(module)
