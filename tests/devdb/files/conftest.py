"""A project over the database of every type, whose rows are all kept as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.files.hostile import COLUMNS_SQL, TABLES_SQL, TYPES, keep_all
from tests.servers import Database

Export = Callable[..., Any]


@pytest.fixture
def hostile(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    source = make_database(TYPES)
    tables = [shown for _, _, shown in source.rows(TABLES_SQL)]
    return make_folder(source, f"keep = {tables!r}\n", keep_all(source.rows(COLUMNS_SQL)))


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """`export(folder, "--format", "sql")`: the data set's folder."""
    made: list[Path] = []

    def run(folder: Folder, *arguments: str) -> Path:
        made.append(tmp_path / f"data set {len(made)}")
        done = folder.run("dev", "create", "small", "--to", str(made[-1]), *arguments)
        assert done.code == 0, done.err + done.out
        return made[-1]

    return run


def contents(database: Database) -> dict[str, list[str]]:
    """Every row of every table as its text, in the order of that text."""
    return {
        name: [
            row
            for (row,) in database.rows(
                f'SELECT ROW(t.*)::text FROM {"" if parted else "ONLY "}{name} t ORDER BY ROW(t.*)::text COLLATE "C"'
            )
        ]
        for name, parted, _ in database.rows(TABLES_SQL)
    }
