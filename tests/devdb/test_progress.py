"""What a person sees of a run: no part of it that may take long is silent."""

from __future__ import annotations

import re

from tests.devdb.conftest import Folder
from tests.devdb.small_shop import MASKS, PERSONAL, counts


class Seen:
    """A progress that takes notes."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.rows: dict[str, int] = {}

    def start(self, task: str, total_rows: int | None = None) -> None:
        assert task not in self.open
        self.open.append(task)
        self.rows.setdefault(task, 0)

    def advance(self, task: str, rows: int, size_bytes: int = 0) -> None:
        assert task in self.open
        self.rows[task] += rows

    def finish(self, task: str) -> None:
        self.open.remove(task)


def test_a_verification_tells_of_each_table_it_reads_and_of_each_kind_of_check(made: Folder) -> None:
    seen = Seen()
    assert made.project.verify_dev("small", progress=seen).verification.passed
    assert seen.open == []
    assert seen.rows["reading the masked columns of public.customer"] == 40
    assert seen.rows["reading the masked columns of public.orders"] == 400
    for table, rows in counts(made.made).items():
        assert seen.rows[f"searching public.{table}"] == rows
    assert {"checking each foreign key", "checking each row count", "comparing the schemas", "verify"} < set(
        seen.rows
    )


def test_columns_that_are_laid_beside_each_other_are_told_too(folder: Folder) -> None:
    folder.write(masks=MASKS.replace('name = "text"', 'name = "person_name"'))
    seen = Seen()
    folder.project.create_dev("small", progress=seen)
    assert seen.open == []
    assert seen.rows["comparing public.customer"] == 5 + 40


def test_where_no_bars_can_be_drawn_a_verification_is_a_line_per_table(made: Folder) -> None:
    done = made.run("dev", "verify", "small")
    assert re.search(r"^searching public\.orders: 50 rows, [\d.]+ kB, [\d.]+ s$", done.err, re.MULTILINE), (
        done.err
    )
    assert re.search(r"^checking each foreign key: [\d.]+ s$", done.err, re.MULTILINE)
    assert not any(value in done.err for value in PERSONAL)
    assert "searching" not in made.run("-q", "dev", "verify", "small").err
