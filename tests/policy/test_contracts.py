"""Every mask against every constraint it touches, before a row moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from penstock.catalog.types import Family
from penstock.masks.contract import Codomain, Contract, Mask, Uniqueness
from penstock.policy.classes import key_classes, site_of
from penstock.policy.contracts import broken_contracts
from penstock.policy.decision import Decision, Origin, Policy
from penstock.policy.partition_keys import accepts_everything
from tests.policy.conftest import KEYS, CatalogOf, column

Resolved = Callable[..., Policy]

# What the table says, what masks.toml says, and the constraints that would break ("" where it stands).
CASES = {
    "a lossy mask on a unique column": ("x text UNIQUE", "x = 'free_text'", "t_x_key"),
    "a pool of names on a unique column makes them unique": ("x text UNIQUE", "x = 'first_name'", ""),
    "a pseudonym on a unique column": ("x text UNIQUE", "x = 'text'", ""),
    "a pseudonym too short to tell rows apart": ("x char(2) PRIMARY KEY", "x = 'text'", "t_pkey"),
    "an injective mask on a primary key": ("x bigint PRIMARY KEY", "x = 'integer'", ""),
    "a constant on a unique column": ("x text UNIQUE", "x = { mask = 'constant', value = 'c' }", "t_x_key"),
    "NULL on a unique column: NULLs are distinct": ("x text UNIQUE", "x = 'null'", ""),
    "NULL where NULLs are not distinct": ("x text UNIQUE NULLS NOT DISTINCT", "x = 'null'", "t_x_key"),
    "a lossy column in a composite key": (
        "a text, x text, UNIQUE (a, x)",
        "x = 'city'\na = 'keep'",
        "t_a_x_key",
    ),
    "a composite key that holds a smaller one": (
        "a integer PRIMARY KEY, x text, UNIQUE (a, x)",
        "x = 'city'",
        "",
    ),
    "a composite key masked injectively on both": (
        "a integer, x text, UNIQUE (a, x)",
        "x = 'text'\na = 'integer'",
        "",
    ),
    "a partial key": (
        "x text, on_ boolean; CREATE UNIQUE INDEX u ON t (x) WHERE on_",
        "x = 'free_text'",
        "u",
    ),
    "a key on an expression": ("x text; CREATE UNIQUE INDEX u ON t (lower(x))", "x = 'free_text'", "u"),
    "a pseudonym under lower()": ("x text; CREATE UNIQUE INDEX u ON t (lower(x))", "x = 'text'", ""),
    "a pseudonym under an expression that cuts it": (
        "x text; CREATE UNIQUE INDEX u ON t (left(x, 1))",
        "x = 'text'",
        "u",
    ),
    "an exclusion by equality": ("x text, EXCLUDE USING hash (x WITH =)", "x = 'free_text'", "t_x_excl"),
    "an exclusion by equality under an injective mask": (
        "x integer, EXCLUDE USING hash (x WITH =)",
        "x = 'integer'",
        "",
    ),
    "an exclusion by overlap": (
        "x daterange, EXCLUDE USING gist (x WITH &&)",
        "x = { mask = 'constant', value = 'empty' }",
        "t_x_excl",
    ),
    "NULL where NOT NULL": ("x text NOT NULL", "x = 'null'", "NOT NULL"),
    "NULL where the domain is NOT NULL": ("x needed", "x = 'null'", "NOT NULL"),
    "a mask that adapts to the column": ("x varchar(20)", "x = 'text'", ""),
    "a mask too long for a CHECK": (
        "x text CONSTRAINT short CHECK (char_length(x) <= 9)",
        "x = 'uuid'",
        "type",
    ),
    "a mask that adapts to a CHECK": ("x text CHECK (char_length(x) <= 9)", "x = 'text'", ""),
    "a CHECK with a format the mask does not write": (
        "x text CONSTRAINT plate CHECK (x ~ '^[A-Z]{2}-[0-9]+$')",
        "x = 'text'",
        "plate",
    ),
    "a CHECK the mask satisfies": ("x text CHECK (x ~ '^[^@]+@[^@]+$')", "x = 'email'", ""),
    "a list of values": ("x text CONSTRAINT known CHECK (x IN ('a', 'b'))", "x = 'text'", "known"),
    "a constant out of the list": (
        "x text CHECK (x IN ('a', 'b'))",
        "x = { mask = 'constant', value = 'b' }",
        "",
    ),
    "a range of numbers": ("x integer CONSTRAINT age CHECK (x BETWEEN 0 AND 150)", "x = 'integer'", "age"),
    "a CHECK of the domain": ("x code", "x = 'text'", "domain code"),
    "a CHECK of several columns that only asks for NULL": (
        "x text, y text, CHECK ((x IS NULL) = (y IS NULL))",
        "x = 'text'\ny = 'email'",
        "",
    ),
    "a mask for another type": ("x integer", "x = 'first_name'", "type"),
    "a label the enum does not have": ("x mood", "x = { mask = 'constant', value = 'ugly' }", "type"),
    "a label the enum has": ("x mood", "x = { mask = 'constant', value = 'good' }", ""),
    "text on an array masks its elements": ("x text[]", "x = 'text'", ""),
}
TYPES = """
CREATE DOMAIN needed AS text NOT NULL;
CREATE DOMAIN code AS text CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE TYPE mood AS ENUM ('good', 'bad');
"""


@pytest.mark.parametrize(("columns", "masks", "constraint"), CASES.values(), ids=CASES)
def test_what_a_mask_would_break(resolved: Resolved, columns: str, masks: str, constraint: str):
    body, semicolon, more = columns.partition(";")
    policy = resolved(f"{TYPES} CREATE TABLE t ({body}){semicolon} {more}", f"[public.t]\n{masks}\n")
    assert {v.constraint for v in policy.violations} == ({constraint} if constraint else set())
    for violation in policy.violations:
        assert violation.column == column("t.x")
        assert violation.suggestion != violation.mask


@pytest.mark.parametrize(
    ("columns", "masks"),
    [
        ("x text UNIQUE", "x = 'free_text'"),
        ("x char(2) PRIMARY KEY", "x = 'text'"),
        ("x integer PRIMARY KEY", "x = { mask = 'constant', value = 0 }"),
        (
            "x uuid NOT NULL UNIQUE",
            "x = { mask = 'constant', value = '00000000-0000-4000-8000-000000000000' }",
        ),
        ("x text NOT NULL CONSTRAINT plate CHECK (x ~ '^[A-Z]{2}-[0-9]+$')", "x = 'text'"),
    ],
)
def test_a_violation_names_a_mask_that_would_do(resolved: Resolved, columns: str, masks: str):
    ddl = f"CREATE TABLE t ({columns})"
    (violation,) = resolved(ddl, f"[public.t]\n{masks}\n").violations
    assert violation.suggestion not in ("", "keep", violation.mask)
    assert resolved(ddl, f"[public.t]\nx = '{violation.suggestion}'\n").violations == ()


def test_a_mask_that_certainly_does_is_named_before_one_that_may(resolved: Resolved):
    check = "x text CONSTRAINT digest CHECK (char_length(x) = 71)"
    (violation,) = resolved(f"CREATE TABLE t ({check})", "[public.t]\nx = 'text'\n").violations
    assert (violation.constraint, violation.suggestion) == ("digest", "code")  # keeps lengths


def test_a_lossy_mask_on_a_key_breaks_it_where_it_is_unique_and_names_that_place(resolved: Resolved):
    policy = resolved(
        "CREATE TABLE p (x text PRIMARY KEY); CREATE TABLE c (x text REFERENCES p)",
        "[public.c]\nx = { mask = 'constant', value = 'c' }\n",
    )
    assert [(v.column, v.constraint) for v in policy.violations] == [(column("p.x"), "p_pkey")]


def test_a_mask_that_reads_other_columns_cannot_stand_on_a_key(resolved: Resolved):
    policy = resolved(
        "CREATE TABLE p (x text UNIQUE); CREATE TABLE c (x text REFERENCES p (x))",
        "[public.p]\nx = 'free_text'\n",
    )
    assert "foreign key" in {v.constraint for v in policy.violations}


def test_a_class_is_as_narrow_as_its_narrowest_member(resolved: Resolved):
    policy = resolved(
        "CREATE TABLE p (x text PRIMARY KEY); CREATE TABLE c (x varchar(10) REFERENCES p)",
        "[public.p]\nx = 'email'\n",
    )
    assert policy.violations
    assert (
        resolved(
            "CREATE TABLE p (x text PRIMARY KEY); CREATE TABLE c (x varchar(10) REFERENCES p)",
            "[public.p]\nx = 'text'\n",
        )
        .decisions[column("p.x")]
        .contract.max_length
        == 10
    )


class Wordy(Mask):
    """A mask that promises no bound on its length."""

    name = "wordy"
    families = frozenset({Family.TEXT})

    def contract(self) -> Contract:
        return Contract(Uniqueness.LIKELY, Codomain.FRESH)

    def apply(self, values, inputs=None):
        return values


@pytest.mark.parametrize(
    ("declared", "constraint"),
    [("varchar(20)", "length"), ("text CONSTRAINT short CHECK (length(x) <= 9)", "short"), ("text", "")],
)
def test_a_mask_without_a_bound_does_not_fit_a_column_that_has_one(
    catalog_of: CatalogOf, declared: str, constraint: str
):
    catalog = catalog_of(f"CREATE TABLE t (x {declared})")
    classes = key_classes(catalog)
    at = column("t.x")
    mask = Wordy(site_of(catalog, classes[at]), KEYS)
    decisions = {at: Decision(at, mask, mask.contract(), Origin.REGISTRY)}
    found = broken_contracts(catalog, classes, decisions, KEYS).violations
    assert [(v.constraint, v.suggestion) for v in found] == ([(constraint, "text")] if constraint else [])


def test_how_many_rows_a_table_has_decides_whether_a_pseudonym_is_long_enough(resolved: Resolved):
    few = "CREATE TABLE t (x char(6) PRIMARY KEY); INSERT INTO t SELECT i FROM generate_series(1, 100) i; ANALYZE t"
    many = few.replace("100)", "5000)")
    assert resolved(few, "[public.t]\nx = 'text'\n").violations == ()
    assert [v.constraint for v in resolved(many, "[public.t]\nx = 'text'\n").violations] == ["t_pkey"]


def test_what_depends_on_other_columns_is_listed_and_refuses_nothing(resolved: Resolved):
    policy = resolved(
        "CREATE TABLE t (x text, y text, CONSTRAINT differ CHECK (x <> y))",
        "[public.t]\nx = 'text'\ny = 'text'\n",
    )
    assert policy.violations == ()
    assert [notice.column for notice in policy.notices if "differ" in notice.text] == [column("t.x")]


def test_a_masked_column_in_the_condition_of_a_partial_key_is_listed(resolved: Resolved):
    policy = resolved(
        """
        CREATE TABLE t (id integer, x text);
        CREATE UNIQUE INDEX u ON t (id) WHERE x <> 'a';
        CREATE UNIQUE INDEX v ON t (id) WHERE x IS NOT NULL;
        """,
        "[public.t]\nx = 'text'\n",
    )
    assert policy.violations == ()
    assert [notice.text for notice in policy.notices] == [
        "the condition of u reads it: masked rows may enter that unique index"
    ]


PARTITIONED = "CREATE TABLE t (x text) PARTITION BY {by}; CREATE TABLE t1 PARTITION OF t FOR VALUES {one};"


@pytest.mark.parametrize(
    ("by", "one", "more", "stands"),
    [
        ("LIST (x)", "IN ('a')", "", False),
        ("LIST (x)", "IN ('a')", "CREATE TABLE t2 PARTITION OF t DEFAULT", True),
        ("HASH (x)", "WITH (modulus 1, remainder 0)", "", True),
        ("RANGE (x)", "FROM ('a') TO ('m')", "", False),
        (
            "RANGE (x)",
            "FROM (MINVALUE) TO ('m')",
            "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('m') TO (MAXVALUE)",
            True,
        ),
        (
            "RANGE (x)",
            "FROM (MINVALUE) TO ('m')",
            "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('n') TO (MAXVALUE)",
            False,
        ),
    ],
)
def test_a_masked_partition_key_needs_a_partition_for_every_value(
    resolved: Resolved, by: str, one: str, more: str, *, stands: bool
):
    policy = resolved(PARTITIONED.format(by=by, one=one) + more, "[public.t]\nx = 'text'\n")
    assert [v.constraint for v in policy.violations] == ([] if stands else ["partition key"])


def test_a_gap_between_ranges_is_not_everything():
    assert not accepts_everything(
        ["FOR VALUES FROM (MINVALUE) TO (1)", "FOR VALUES FROM (2) TO (MAXVALUE)"], single=True
    )
    assert not accepts_everything(
        ["FOR VALUES FROM (MINVALUE, MINVALUE) TO (MAXVALUE, MAXVALUE)"], single=False
    )


def test_keys_that_a_coarser_class_may_merge_are_handed_to_the_plan(resolved: Resolved):
    policy = resolved(
        """
        CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE p (x text PRIMARY KEY);
        CREATE TABLE c (x text COLLATE folding REFERENCES p);
        """,
        "[public.p]\nx = 'text'\n",
    )
    assert [(m.column, m.constraint, m.expression) for m in policy.merges] == [
        (column("p.x"), "p_pkey", 'pg_catalog.lower("x"::pg_catalog.text)')
    ]


def test_keys_that_hold_spellings_apart_which_a_mask_takes_for_one_are_handed_to_the_plan(resolved: Resolved):
    ddl = "CREATE TABLE t (a text UNIQUE, b text UNIQUE, c text, d text UNIQUE)"
    masks = "[public.t]\na = 'email'\nb = 'text'\nc = 'email'\nd = { mask = 'email', ignore_case = false }\n"
    assert [(m.column, m.expression) for m in resolved(ddl, masks).merges] == [
        (column("t.a"), 'pg_catalog.lower(pg_catalog.btrim("a"::pg_catalog.text))'),
        (column("t.d"), 'pg_catalog.btrim("d"::pg_catalog.text)'),
    ]


def test_a_generated_column_cannot_follow_the_mask_of_what_it_references(resolved: Resolved):
    ddl = """
        CREATE TABLE p (x text PRIMARY KEY);
        CREATE TABLE c (base text, x text GENERATED ALWAYS AS (lower(base)) STORED REFERENCES p);
        """
    assert resolved(ddl, "[public.p]\nx = 'keep'\n").violations == ()
    (violation,) = resolved(ddl, "[public.p]\nx = 'text'\n").violations
    assert (violation.column, violation.constraint, violation.other) == (
        column("c.x"),
        "generated column",
        column("p.x"),
    )


def test_a_date_that_moves_with_an_identity_cannot_stand_on_a_key(resolved: Resolved):
    ddl = "CREATE TABLE p (id integer, d date UNIQUE); CREATE TABLE c (d date REFERENCES p (d))"
    assert resolved(ddl, "[public.p]\nd = 'date_shift'\n").violations == ()
    policy = resolved(ddl, "[public.p]\nd = { mask = 'date_shift', identity = 'id' }\n")
    assert "foreign key" in {v.constraint for v in policy.violations}
