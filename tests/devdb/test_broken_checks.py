"""A CHECK that does not hold where a reference became NULL: named, with what to change, and warned of by the plan."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder

SCHEMA = """
CREATE TABLE tenant (id int PRIMARY KEY);
CREATE TABLE ev (id int PRIMARY KEY, tenant_id int REFERENCES tenant, alt int, CONSTRAINT whose CHECK (tenant_id IS NOT NULL OR alt IS NOT NULL));
CREATE TABLE day (id int, tenant_id int REFERENCES tenant) PARTITION BY LIST (tenant_id);
CREATE TABLE day_1 PARTITION OF day FOR VALUES IN (1);
INSERT INTO tenant VALUES (1);
INSERT INTO ev VALUES (1, 1, 1), (2, 1, NULL);
"""
MASKS = '[public.tenant]\nid = "keep"\n[public.ev]\ntenant_id = "keep"\nalt = "keep"\n[public.day]\nid = "keep"\ntenant_id = "keep"\n'


@pytest.mark.parametrize("strategy", ["subset", "clone"])
def test_it_is_named_with_what_to_change(
    strategy: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SCHEMA)
    roots = "".join(f'[[devdb.small.root]]\ntable = "public.{t}"\n' for t in ("ev", "day"))
    head = f'strategy = "{strategy}"\nempty = ["public.tenant"]\n'
    folder = make_folder(source, head + (roots if strategy == "subset" else ""), MASKS)
    planned = folder.run("dev", "plan", "small")
    assert (
        "public.ev.tenant_id becomes NULL, and the CHECK whose may not hold then" in planned.out + planned.err
    )
    failed = folder.run("dev", "create", "small")
    assert failed.code == 3
    assert "constraint whose" in failed.err, failed.err
    assert "leave the reference that becomes NULL uncut" in failed.err
    assert "please report" not in failed.err
    source.execute("DELETE FROM ev WHERE alt IS NULL", "INSERT INTO day VALUES (1, 1)")
    failed = folder.run("dev", "create", "small")
    assert "no partition takes a row" in failed.err, failed.err
    assert "add a partition that takes such rows" in failed.err
