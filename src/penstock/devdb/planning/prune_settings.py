"""Which settings of `[devdb.NAME]` belong to a prune, and which to none."""

from __future__ import annotations

from penstock.devdb.config import DevdbSettings
from penstock.errors import ConfigError


def require_own_settings(settings: DevdbSettings, name: str) -> None:
    """Raise `ConfigError` for settings of a prune elsewhere, and for those that mean nothing to one."""
    section = f"[devdb.{name}]"
    if settings.strategy != "prune":
        for key in ("delete", "protect", "from_database"):
            if getattr(settings, key):
                raise ConfigError(
                    f'`{key}` of {section} is for strategy = "prune"',
                    hint=f'add to {section}: strategy = "prune", or leave `{key}` out',
                )
        return
    if not settings.root and not settings.delete:
        raise ConfigError(
            f"{section} is to be pruned and says neither what stays nor what goes",
            hint=f"add [[devdb.{name}.root]] with a table, or [[devdb.{name}.delete]] with `table` and `where`",
        )
    if not settings.from_database:
        return
    if settings.from_database == (settings.database or name):
        raise ConfigError(
            f"{section} would prune {settings.from_database} into itself",
            why="a prune is built beside the database it starts from, which stays as it is",
            hint="set another `database`",
        )
    for key, why in (
        ("skip", "the database has these tables already; `empty` leaves their structure"),
        ("real", "which rows stay real was decided when that database was made"),
    ):
        if getattr(settings, key):
            raise ConfigError(
                f"`{key}` of {section} means nothing for a database that exists", why=why,
                hint=f"take `{key}` out of {section}",
            )  # fmt: skip
