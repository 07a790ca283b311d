"""Every error says what to type next."""

from __future__ import annotations

import ast

import pytest

from penstock import errors
from tests.servers import REPOSITORY

ERRORS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)
} - {"Interrupted"}  # the person knows

SOURCES = sorted((REPOSITORY / "src").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY / "src")))
def test_every_error_has_a_hint(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ours = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "penstock.errors"
        for alias in node.names
    }
    without = [
        f"{path}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ERRORS & ours
        and not {"hint", None} & {keyword.arg for keyword in node.keywords}  # None: **said, decided elsewhere
    ]
    assert not without
