"""The house of docs/design.md: imports only point down, rooms of one floor do not know each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import REPOSITORY

SOURCE = REPOSITORY / "src"

# From the roof to the ground, as drawn in docs/design.md.
FLOORS = (
    ("penstock.__main__",),
    ("penstock.cli", "penstock.web", "penstock.api", "penstock"),
    ("penstock.devdb", "penstock.synth", "penstock.sync", "penstock.load", "penstock.explore"),
    ("penstock.discover", "penstock.migrate", "penstock.proof", "penstock.watermark"),
    ("penstock.pump", "penstock.runs", "penstock.render"),
    ("penstock.engines", "penstock.lake", "penstock.policy"),
    ("penstock.masks", "penstock.project"),
    ("penstock.catalog", "penstock.detect", "penstock.pools", "penstock.scratch", "penstock.machine"),
    ("penstock.errors", "penstock.registry", "penstock._version"),
)
# One floor, but not strangers: the API is what `penstock` shows and what the commands call.
NEIGHBOURS = {("penstock", "penstock.api"), ("penstock.cli", "penstock.api"), ("penstock.cli", "penstock")}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def room(module: str) -> str:
    """The room a module stands in; the longest name that fits, so that `penstock` is only itself."""
    if module == "penstock":
        return module
    for floor in FLOORS:
        for name in floor:
            if name != "penstock" and (module == name or module.startswith(name + ".")):
                return name
    raise AssertionError(
        f"{module} stands in no room of the house: draw it in docs/design.md and name it here"
    )


def level(name: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if name in floor)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module of ours that a file imports, anywhere in it, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            base = node.module or ""
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield node.lineno, full if full in MODULES else base


def ours(path: Path) -> Iterator[tuple[int, str]]:
    for line, name in imports(path):
        if name.split(".")[0] == "penstock":
            yield line, name


def test_every_module_stands_in_a_room() -> None:
    assert len(MODULES) > 30
    for module in MODULES:
        room(module)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    here = room(module)
    for line, name in ours(MODULES[module]):
        there = room(name)
        if here == there or (here, there) in NEIGHBOURS:
            continue
        assert level(there) > level(here), f"{MODULES[module]}:{line}: {here} may not import {there}"


# The large parts of devdb, from the ground: as docs/design.md says it.
PARTS = (
    "closure",
    "planning",
    "disarm",
    "prepare",
    "clone",
    "building",
    "prune",
    "create",
    "scrub",
    "lifecycle",
    "files",
)


def test_the_parts_of_devdb_import_each_other_one_way_only() -> None:
    """A part is a package or a module directly below it: `devdb.planning`, `devdb.verify`."""

    def part(module: str) -> str:
        return ".".join(module.split(".")[2:3])

    inside = {module: path for module, path in MODULES.items() if module.startswith("penstock.devdb.")}
    imported: dict[str, set[str]] = {part(module): set() for module in inside}
    for module, path in inside.items():
        imported[part(module)] |= {part(name) for _, name in ours(path) if name in inside} - {part(module)}
    for place, name in enumerate(PARTS):
        assert not imported[name] & set(PARTS[place + 1 :]), name
    while leaves := [one for one, others in imported.items() if not others & imported.keys()]:
        for one in leaves:
            del imported[one]
    assert {one: sorted(others & imported.keys()) for one, others in imported.items()} == {}


@pytest.mark.parametrize("forbidden", ["penstock.masks", "penstock.policy"])
def test_the_proof_shares_nothing_with_what_it_proves(forbidden: str) -> None:
    """Neither directly nor through any module it imports."""
    seen: dict[str, str] = {}
    waiting = [(module, module) for module in MODULES if room(module) == "penstock.proof"]
    while waiting:
        module, trail = waiting.pop()
        if module in seen or module not in MODULES:
            continue
        seen[module] = trail
        waiting += [(name, f"{trail} -> {name}") for _, name in ours(MODULES[module])]
    assert any(room(module) == "penstock.proof" for module in seen)
    reached = [trail for module, trail in seen.items() if module.startswith(forbidden)]
    assert not reached, reached
