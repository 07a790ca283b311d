"""Columns of type regclass: what they name has to be there before their rows are."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder

CLONE = 'strategy = "clone"\n'
# The table that names an index is the larger one: nothing else holds its rows back.
NAMES = """
CREATE TABLE public.p (id int PRIMARY KEY); INSERT INTO public.p SELECT generate_series(1, 30000);
CREATE INDEX by_id ON public.p (id);
CREATE TABLE public.audit (id int PRIMARY KEY, what regclass, whats regclass[], filler text);
INSERT INTO public.audit SELECT n, 'p_pkey', '{by_id,p}', repeat('x', 1000) FROM generate_series(1, 10000) n;
"""
MASKS = '[public.audit]\nwhat = "keep"\nwhats = "keep"\nfiller = "keep"\n'
WARNED = "names indexes of"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_rows_that_name_indexes_wait_for_them_in_a_clone(
    jobs: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(make_database(NAMES), CLONE, MASKS)
    assert WARNED not in folder.run("dev", "plan", "small").out
    done = folder.run("dev", "create", "small", "--jobs", jobs)
    assert done.code == 0, done.err
    query = "SELECT string_agg(DISTINCT what::text || whats::text, ' ') FROM public.audit"
    assert folder.made.value(query) == folder.source.value(query) == "p_pkey{by_id,p}"


def test_so_do_rows_whose_partition_only_the_copy_knows(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        NAMES
        + "CREATE TABLE public.log (id int PRIMARY KEY, what regclass) PARTITION BY HASH (id);"
        "CREATE TABLE public.log_0 PARTITION OF public.log FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE public.log_1 PARTITION OF public.log FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO public.log SELECT n, 'by_id' FROM generate_series(1, 100) n;"
    )  # fmt: skip
    folder = make_folder(source, CLONE, MASKS + '[public.log]\nid = "integer"\nwhat = "keep"\n')
    done = folder.run("dev", "create", "small", "--jobs", "2")
    assert done.code == 0, done.err
    assert folder.made.value("SELECT count(*) FROM public.log WHERE what = 'by_id'::regclass") == 100


@pytest.mark.parametrize(
    ("devdb", "added", "named"),
    [
        ('[[devdb.small.root]]\ntable = "public.audit"\n', "", "public.p"),
        (CLONE, "INSERT INTO public.audit VALUES (0, 'audit_pkey')", "public.audit"),
        (
            CLONE,
            "CREATE TABLE public.parted (id int PRIMARY KEY) PARTITION BY LIST (id);"
            "INSERT INTO public.audit VALUES (0, 'parted_pkey')",
            "public.parted",
        ),
    ],
    ids=["a subset", "its own", "of a partitioned table"],
)
def test_where_they_cannot_the_plan_warns_and_the_error_says_what_to_do_which_works(
    devdb: str, added: str, named: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(make_database(NAMES + added), devdb, MASKS)
    assert f"public.audit.what {WARNED} {named}," in " ".join(folder.run("dev", "plan", "small").out.split())
    failed = folder.run("dev", "create", "small")
    assert failed.code == 3
    assert "while copying public.audit" in failed.err
    assert "_pkey" in failed.err
    assert "regclass" in failed.err
    assert "penstock.toml" not in failed.err
    folder.write(
        masks=MASKS.replace('what = "keep"', 'what = "null"').replace('whats = "keep"', 'whats = "null"')
    )
    assert WARNED not in folder.run("dev", "plan", "small").out
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
