"""Partitioned tables are one table wherever an edge or a root meets them; inheritance tables are each alone."""

from __future__ import annotations

import pytest

from penstock.errors import ConfigError
from tests.devdb.closure.closures import close


def test_inheritance_tables_are_each_alone(given):
    database = given("inheritance")
    found = close(database, ("trip", "id = 1"))
    assert (found.rows("vehicle"), found.rows("car"), found.rows("owner")) == ([1], [], [1])
    found = close(database, ("owner", "id = 1"))
    assert (found.rows("vehicle"), found.rows("trip")) == ([1], [1])
    assert (found.rows("car"), found.rows("wash")) == ([5], [2])


def test_partitioned_tables_are_one_table_on_either_side(given):
    found = close(given("partitions"), ("customer", "id = 1"))
    assert found.rows("orders", "ARRAY[id, year]") == [[1, 2020], [1, 2021], [500, 2021]]
    assert found.rows("line") == [n for n in range(20) if n % 5 in (0, 2, 3)]
    assert found.rows("note") == [1]


def test_a_foreign_key_of_or_to_one_partition_concerns_only_its_rows(given):
    database = given("partitions")
    assert close(database, ("customer", "id = 1")).rows("warehouse") == [
        1
    ]  # order (1, 2021) names 2 without a key
    found = close(database, ("warehouse", "id = 2"))
    assert found.rows("orders", "ARRAY[id, year]") == [[2, 2020]]
    assert found.rows("note") == [2]
    assert found.rows("line") == [1, 6, 11, 16]
    found = close(database, ("note", "id = 2"))
    assert (found.rows("orders"), found.rows("customer"), found.rows("line")) == ([2], [2], [])


def test_a_root_may_be_one_partition(given):
    found = close(given("partitions"), ("orders_2021_high", None))
    assert found.rows("orders") == [500]
    assert found.rows("line") == [3, 8, 13, 18]
    with pytest.raises(ConfigError, match="partitions itself"):
        close(found.database, ("orders_2021", None))
