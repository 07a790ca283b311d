"""The documentation names everything there is, and what is generated from the code is current."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from penstock import errors
from penstock.masks.contract import Mask
from penstock.masks.registry import masks
from tests.servers import REPOSITORY

DOCS = REPOSITORY / "docs"


def test_the_generated_pages_are_current() -> None:
    script = REPOSITORY / "scripts" / "reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "error", [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.PenstockError)]
)
def test_every_error_has_a_code_of_its_own_and_says_when_it_is_raised(
    error: type[errors.PenstockError],
) -> None:
    others = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.PenstockError)]
    assert [e for e in others if e.code == error.code] == [error]
    assert error.__doc__


@pytest.mark.parametrize("mask", masks().values(), ids=masks().keys())
def test_every_mask_has_a_summary_an_example_and_tests(mask: type[Mask]) -> None:
    assert mask.summary
    assert all(mask.example)
    tests = REPOSITORY / "tests" / "masks" / f"test_{mask.name}.py"
    assert f'"{mask.name}"' in tests.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page", sorted(DOCS.rglob("*.md")) + sorted(REPOSITORY.glob("*.md")), ids=lambda p: p.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
