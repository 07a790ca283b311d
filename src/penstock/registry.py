"""Where the jobs announce what they bring, so that lower floors need not import them.

A job registers the dataclass of its section of `penstock.toml` (`[devdb.NAME]`, …); `project/` reads the file with
what is registered; the faces import the jobs and so assemble the program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the project file: `many` sections are `[name.INSTANCE]`, others are one `[name]`."""

    name: str
    settings: type
    many: bool = True


_sections: dict[str, Section] = {}


def register_section(name: str, settings: type, *, many: bool = True) -> None:
    """Announce that `[name]` (or `[name.INSTANCE]`) of `penstock.toml` is read as the dataclass `settings`."""
    _sections[name] = Section(name, settings, many)


def sections() -> Mapping[str, Section]:
    """All sections announced so far."""
    return MappingProxyType(_sections)
