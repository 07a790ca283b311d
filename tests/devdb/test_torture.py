"""A database with at least one object of every kind is copied whole, and compared with its source object by object."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.comparing import (
    WHOLE,
    broken_indexes,
    checksums,
    constraints,
    differences,
    keeping,
    objects,
    sequences,
)
from tests.devdb.conftest import Folder, MakeFolder
from tests.servers import Database

TORTURE = (Path(__file__).parent / "torture.sql").read_text()


@pytest.fixture
def tortured(make_database: MakeDatabase) -> Database:
    return make_database(TORTURE)


def created(folder: Folder) -> str:
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    return done.out


@pytest.mark.parametrize("way", WHOLE)
def test_every_kind_of_object_arrives_as_it_was(
    way: str, tortured: Database, make_folder: MakeFolder
) -> None:
    folder = make_folder(tortured, f"grants = true\n{WHOLE[way]}", keeping(tortured))
    created(folder)
    made = folder.made
    assert differences(objects(tortured), objects(made)) == []
    assert checksums(made) == checksums(tortured)
    assert sequences(made) == sequences(tortured)
    assert constraints(made) == constraints(tortured)
    assert broken_indexes(made) == []
    again = folder.run("dev", "verify", "small")
    assert again.code == 0, again.err + again.out
