"""A shop whose section has a life: a template, a schedule, developers."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.small_shop import DEVDB, MASKS, SHOP


@pytest.fixture
def templated(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    """A project over the small shop, whose template is there, and nothing else."""
    made = make_folder(make_database(SHOP), DEVDB, MASKS)
    done = made.run("dev", "create", "small", "--template")
    assert done.code == 0, done.err
    return made
