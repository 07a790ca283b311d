"""Key classes: which columns share a mask, and what that mask may know."""

from __future__ import annotations

import pytest

from penstock.catalog.types import Family
from penstock.policy.classes import Join, KeyClass, key_classes, length_limit, site_of
from tests.policy.conftest import CatalogOf, column


def members(catalog, name: str, *edges: Join) -> set[str]:
    found = key_classes(catalog, edges)[column(name)]
    return {str(member).removeprefix("public.") for member in found.members}


def test_a_key_and_its_copies_through_any_number_of_hops_are_one_class(catalog_of: CatalogOf):
    catalog = catalog_of(
        """
        CREATE TABLE a (x text PRIMARY KEY, other text);
        CREATE TABLE b (x text PRIMARY KEY REFERENCES a);
        CREATE TABLE c (y text REFERENCES b);
        CREATE TABLE d (z text REFERENCES a NOT NULL);
        """
    )
    assert members(catalog, "c.y") == {"a.x", "b.x", "c.y", "d.z"}
    assert members(catalog, "a.other") == {"a.other"}
    assert key_classes(catalog)[column("c.y")].root == column("a.x")


def test_cycles_and_self_references_end(catalog_of: CatalogOf):
    catalog = catalog_of(
        """
        CREATE TABLE a (x text PRIMARY KEY, up text REFERENCES a);
        CREATE TABLE b (x text PRIMARY KEY REFERENCES a);
        ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b DEFERRABLE INITIALLY DEFERRED;
        """
    )
    assert members(catalog, "a.up") == {"a.x", "a.up", "b.x"}
    assert key_classes(catalog)[column("a.up")].root in (column("a.x"), column("b.x"))


def test_composite_keys_join_column_by_column_whatever_the_order(catalog_of: CatalogOf):
    catalog = catalog_of(
        """
        CREATE TABLE p (tenant text, code text, PRIMARY KEY (tenant, code));
        CREATE TABLE c (k text, t text, FOREIGN KEY (k, t) REFERENCES p (code, tenant));
        """
    )
    assert members(catalog, "c.k") == {"p.code", "c.k"}
    assert members(catalog, "c.t") == {"p.tenant", "c.t"}


def test_a_foreign_key_that_is_not_valid_joins_all_the_same(catalog_of: CatalogOf):
    catalog = catalog_of(
        "CREATE TABLE p (x text PRIMARY KEY); CREATE TABLE c (x text);"
        "ALTER TABLE c ADD FOREIGN KEY (x) REFERENCES p NOT VALID"
    )
    assert members(catalog, "c.x") == {"p.x", "c.x"}


def test_partitions_have_the_class_of_their_root(catalog_of: CatalogOf):
    catalog = catalog_of(
        """
        CREATE TABLE p (x text PRIMARY KEY);
        CREATE TABLE c (x text REFERENCES p, d date NOT NULL) PARTITION BY RANGE (d);
        CREATE TABLE c1 PARTITION OF c FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE TABLE q (x text UNIQUE);
        ALTER TABLE c1 ADD FOREIGN KEY (x) REFERENCES q (x);
        """
    )
    assert members(catalog, "p.x") == {"p.x", "c.x", "q.x"}
    assert column("c1.x") not in key_classes(catalog)


def test_virtual_edges_join_too(catalog_of: CatalogOf):
    catalog = catalog_of("CREATE TABLE a (x text); CREATE TABLE b (y text)")
    edge = Join(column("b.y").table, ("y",), column("a.x").table, ("x",))
    assert members(catalog, "a.x", edge) == {"a.x", "b.y"}


def test_the_site_of_a_class_fits_its_narrowest_member_and_compares_like_its_coarsest(catalog_of: CatalogOf):
    catalog = catalog_of(
        """
        CREATE TABLE a (x varchar(40) PRIMARY KEY);
        CREATE TABLE b (x char(12) NOT NULL, y text CHECK (char_length(y) <= 9));
        """
    )
    site = site_of(catalog, KeyClass((column("a.x"), column("b.x"), column("b.y")), column("a.x")))
    assert (site.family, site.max_length, site.padded, site.nullable, site.unique) == (
        Family.TEXT,
        9,
        True,
        False,
        True,
    )


def test_integers_of_different_width_take_the_narrowest_range(catalog_of: CatalogOf):
    catalog = catalog_of(
        "CREATE TABLE a (x bigint PRIMARY KEY); CREATE TABLE b (x integer REFERENCES a); CREATE TABLE c (x smallint)"
    )
    classes = key_classes(catalog)
    assert (
        site_of(catalog, classes[column("b.x")]).minimum,
        site_of(catalog, classes[column("a.x")]).maximum,
    ) == (
        -(2**31),
        2**31 - 1,
    )
    assert site_of(catalog, classes[column("c.x")]).maximum == 2**15 - 1


def test_a_number_that_references_a_numeric_has_the_digits_both_can_hold(catalog_of: CatalogOf):
    catalog = catalog_of(
        "CREATE TABLE a (x numeric(6, 2) PRIMARY KEY); CREATE TABLE b (x integer REFERENCES a)"
    )
    site = site_of(catalog, key_classes(catalog)[column("a.x")])
    assert (site.family, site.minimum, site.maximum) == (Family.INTEGER, -9999, 9999)


def test_a_nondeterministic_collation_ignores_case(catalog_of: CatalogOf):
    catalog = catalog_of(
        """
        CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE a (x text COLLATE folding PRIMARY KEY, y text);
        """
    )
    classes = key_classes(catalog)
    assert site_of(catalog, classes[column("a.x")]).case_insensitive
    assert not site_of(catalog, classes[column("a.y")]).case_insensitive


@pytest.mark.parametrize(
    ("check", "limit"),
    [
        ("CHECK ((char_length(name) <= 255))", 255),
        ("CHECK ((length((code)::text) < 10))", 9),
        ('CHECK ((octet_length("odd name") <= 3)) NOT VALID', 3),
        ("CHECK (((char_length(name) <= 255) AND (name <> ''::text)))", None),
        ("CHECK ((char_length(name) >= 3))", None),
        ("CHECK ((length(lower(name)) <= 3))", None),
    ],
)
def test_only_a_check_that_says_no_more_is_taken_for_a_length(check: str, limit: int | None):
    assert length_limit(check) == limit
