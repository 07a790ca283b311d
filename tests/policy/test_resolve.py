"""One decision per column: inherited, by default, by type, or none."""

from __future__ import annotations

import pyarrow as pa
import pytest

from penstock.errors import ContractBroken, Unclassified
from penstock.masks.keys import Keyring
from penstock.policy.decision import Origin
from penstock.policy.registry_file import parse
from penstock.policy.resolve import resolve
from tests.policy.conftest import KEYS, CatalogOf, Resolved, column, undecided

FAMILY = """
CREATE TABLE person (email text PRIMARY KEY, name text, born date);
CREATE TABLE account (email text PRIMARY KEY REFERENCES person);
CREATE TABLE login (email text REFERENCES account, at timestamptz);
"""


def test_foreign_keys_inherit_the_mask_of_what_they_reference(resolved: Resolved):
    policy = resolved(FAMILY, '[public.person]\nemail = "email"\nname = "keep"\nborn = "keep"\n')
    root, far = policy.decisions[column("person.email")], policy.decisions[column("login.email")]
    assert (root.origin, far.origin, far.inherited_from) == (Origin.REGISTRY, Origin.INHERITED, root.column)
    assert far.mask is root.mask
    policy.require()


def test_a_child_may_carry_the_line_and_the_parent_inherits(resolved: Resolved):
    policy = resolved(FAMILY, '[public.login]\nemail = "email"\n')
    assert policy.decisions[column("person.email")].inherited_from == column("login.email")


def test_conflicting_lines_in_one_class_are_refused_naming_both_columns(resolved: Resolved):
    policy = resolved(FAMILY, '[public.person]\nemail = "keep"\n[public.login]\nemail = "email"\n')
    (conflict,) = policy.violations
    assert {conflict.column, conflict.other} == {column("person.email"), column("login.email")}
    with pytest.raises(ContractBroken, match=r"person\.email"):
        policy.require()


def test_lines_that_say_the_same_with_different_authors_agree(resolved: Resolved):
    policy = resolved(
        FAMILY, '[public.person]\nemail = "email"\n[public.login]\nemail = { mask = "email", who = "me" }\n'
    )
    assert policy.violations == ()


def test_what_may_hold_personal_data_refuses_and_numbers_pass(resolved: Resolved):
    policy = resolved(
        """
        CREATE TYPE mood AS ENUM ('good', 'bad');
        CREATE TYPE pair AS (a integer, b numeric);
        CREATE TYPE place AS (street text, number integer);
        CREATE TABLE t (
            id bigint PRIMARY KEY, price numeric, truth boolean, mood mood, at timestamptz, took interval, key uuid,
            counts integer[], pair pair, span int4range,
            words text, short varchar(3), fixed char(2), doc jsonb, xml xml, bytes bytea, tags text[], place place,
            ip inet, mac macaddr, spot point, day date, days daterange, search tsvector, odd pg_lsn
        );
        """
    )
    assert undecided(policy) == {
        f"t.{name}"
        for name in [
            "words",
            "short",
            "fixed",
            "doc",
            "xml",
            "bytes",
            "tags",
            "place",
            "ip",
            "mac",
            "spot",
            "day",
            "days",
            "search",
            "odd",
        ]
    }
    with pytest.raises(Unclassified, match="15 columns have no decision"):
        policy.require()


def test_a_column_whose_check_lists_its_values_is_an_enum_in_all_but_name(resolved: Resolved):
    policy = resolved(
        """
        CREATE DOMAIN kind AS text CHECK (VALUE IN ('x', 'y'));
        CREATE TABLE t (
            a text CHECK (a IN ('open', 'closed')), b kind,
            c text CHECK (c IN ('x') OR length(c) > 5), d text CHECK (d NOT IN ('x', 'y'))
        );
        """
    )
    assert undecided(policy) == {"t.c", "t.d"}


def test_a_key_class_refuses_once_where_a_person_decides(resolved: Resolved):
    policy = resolved(FAMILY)
    assert undecided(policy) == {"person.email", "person.name", "person.born"}


def test_what_discovery_flags_refuses_whatever_its_type(resolved: Resolved):
    ddl = "CREATE TABLE t (id integer PRIMARY KEY, ssn integer, born timestamptz)"
    flagged = {column("t.ssn"): "names a person"}
    assert undecided(resolved(ddl, flagged=flagged)) == {"t.ssn"}
    masked = resolved(ddl, flagged=flagged, unclassified="mask")
    assert masked.decisions[column("t.ssn")].mask_name == "integer"
    assert undecided(resolved(ddl, "[public.t]\nssn = 'keep'\n", flagged=flagged)) == set()


def test_nothing_of_a_flagged_array_or_composite_stays_under_unclassified_mask(resolved: Resolved):
    policy = resolved(
        """
        CREATE TYPE identity AS (ssn bigint, income numeric, hiv boolean);
        CREATE TABLE t (ssns bigint[], wages numeric[], cards identity[], card identity)
        """,
        flagged={column(f"t.{name}"): "a person's" for name in ("ssns", "wages", "cards", "card")},
        unclassified="mask",
    )
    policy.require()
    masked = {
        name: policy.decisions[column(f"t.{name}")].mask.mask(pa.array([value]))[0].as_py()
        for name, value in {
            "ssns": "{123456789}", "wages": "{1234.5}", "cards": '{"(123456789,1234.5,t)"}', "card": "(123456789,1234.5,t)",
        }.items()
    }  # fmt: skip
    assert masked["wages"] == "{NULL}"
    assert masked["card"].endswith(",,)")
    assert masked["cards"] == '{"' + masked["card"] + '"}'
    assert not any("123456789" in value for value in masked.values())


def test_unclassified_mask_masks_by_type(resolved: Resolved):
    policy = resolved(
        """
        CREATE TYPE place AS (street text, number integer);
        CREATE TABLE t (
            id integer PRIMARY KEY, words text, doc jsonb, tags text[], place place,
            bytes bytea, needed bytea NOT NULL, spot point NOT NULL, span daterange NOT NULL, xml xml NOT NULL
        );
        """,
        unclassified="mask",
    )
    policy.require()
    assert {name.column: d.mask_name for name, d in policy.decisions.items()} == {
        "id": "keep", "words": "text", "doc": "json", "tags": "array", "place": "composite",
        "bytes": "null", "needed": "constant", "spot": "constant", "span": "constant", "xml": "constant",
    }  # fmt: skip


def test_empty_values_of_not_null_columns_are_values_of_their_types(resolved: Resolved, scratch):
    ddl = """
        CREATE TABLE t (
            a bytea NOT NULL, b bit(3) NOT NULL, c varbit NOT NULL, d point NOT NULL, e line NOT NULL, f lseg NOT NULL,
            g box NOT NULL, h path NOT NULL, i polygon NOT NULL, j circle NOT NULL, k daterange NOT NULL,
            l datemultirange NOT NULL, m xml NOT NULL, n tsvector NOT NULL
        );
        """
    policy = resolved(ddl, unclassified="mask")
    policy.require()
    for name, decision in policy.decisions.items():
        value = decision.mask.mask(pa.array(["x"]))[0].as_py()
        type_name = policy.catalog.tables[name.table].column(name.column).type.name
        assert scratch.value(f"SELECT ($1::text)::{type_name} IS NOT NULL", value), name


def test_a_not_null_column_of_an_unknown_type_still_refuses(resolved: Resolved):
    assert undecided(resolved("CREATE TABLE t (a pg_lsn NOT NULL, b pg_lsn)", unclassified="mask")) == {"t.a"}


def test_tables_whose_rows_stay_behind_need_no_decision(resolved: Resolved):
    ddl = "CREATE TABLE cache_a (x text); CREATE TABLE cache_b (x text); CREATE TABLE log (x text); CREATE TABLE t (x text)"
    skip = [column(f"cache_{n}.x").table for n in "ab"]
    policy = resolved(ddl, "[public.log]\nx = 'text'\n", skip=skip, empty=[column("log.x").table])
    assert undecided(policy) == {"t.x"}
    assert policy.stale == ()  # a line on one of them is no mistake: another devdb may copy the table
    assert all(name.table.table == "t" for name in policy.decisions)


def test_a_line_without_a_column_is_stale_and_one_on_a_partition_too(resolved: Resolved):
    policy = resolved(
        """
        CREATE TABLE t (x text, d date) PARTITION BY RANGE (d);
        CREATE TABLE t1 PARTITION OF t DEFAULT;
        """,
        "[public.t]\nx = 'keep'\nd = 'keep'\ngone = 'keep'\n[public.t1]\nx = 'text'\n",
    )
    assert {str(line.column) for line in policy.stale} == {"public.t.gone", "public.t1.x"}


def test_partitions_share_the_decisions_of_their_root(resolved: Resolved):
    policy = resolved(
        """
        CREATE TABLE t (id integer, x text) PARTITION BY RANGE (id);
        CREATE TABLE t1 (x text, id integer);
        ALTER TABLE t ATTACH PARTITION t1 FOR VALUES FROM (0) TO (9);
        """,
        "[public.t]\nx = 'text'\n",
    )
    decisions = policy.of(column("t1.x").table)
    assert list(decisions) == ["x", "id"]
    assert decisions["x"] is policy.decisions[column("t.x")]


def test_an_inheritance_child_follows_its_parent_unless_it_says_otherwise(resolved: Resolved):
    ddl = "CREATE TABLE a (x text, y text); CREATE TABLE b (z text) INHERITS (a)"
    policy = resolved(ddl, "[public.a]\nx = 'text'\ny = 'text'\n[public.b]\ny = 'null'\nz = 'keep'\n")
    assert policy.decisions[column("b.x")].inherited_from == column("a.x")
    assert policy.decisions[column("b.y")].mask_name == "null"
    assert policy.violations == ()


def test_generated_columns_have_no_decision_and_take_no_line(resolved: Resolved):
    ddl = "CREATE TABLE t (a text, b text GENERATED ALWAYS AS (lower(a)) STORED)"
    assert column("t.b") not in resolved(ddl, "[public.t]\na = 'text'\n").decisions
    (violation,) = resolved(ddl, "[public.t]\na = 'text'\nb = 'text'\n").violations
    assert (violation.column, violation.constraint) == (column("t.b"), "generated column")


def test_the_domain_of_a_line_sets_the_pseudonyms_apart(resolved: Resolved):
    policy = resolved(
        "CREATE TABLE t (a text, b text, c text)",
        "[public.t]\na = 'text'\nb = 'text'\nc = { mask = 'text', domain = 'other' }\n",
    )
    a, b, c = (policy.decisions[column(f"t.{n}")].mask.mask(pa.array(["v"])).to_pylist() for n in "abc")
    assert a == b != c
    assert policy.decisions[column("t.c")].domain == "other"


def test_free_text_knows_the_identities_of_its_row_and_of_the_rows_it_references(resolved: Resolved):
    policy = resolved(
        """
        CREATE TABLE customer (id integer PRIMARY KEY, email text, city text);
        CREATE TABLE note (id integer, customer_id integer REFERENCES customer, written_by text, body text);
        """,
        """
        [public.customer]
        email = "email"
        city = "keep"
        [public.note]
        written_by = "person_name"
        body = { mask = "free_text", rest = "keep" }
        """,
    )
    mask = policy.decisions[column("note.body")].mask
    assert {(i.column, i.via) for i in mask.inputs()} == {("written_by", ()), ("email", ("customer_id",))}
    pseudonym = (
        policy.decisions[column("customer.email")].mask.mask(pa.array(["ana@shop.example"]))[0].as_py()
    )
    inputs = {i: pa.array(["ana@shop.example" if i.via else "Eva Maria"]) for i in mask.inputs()}
    assert pseudonym in mask.mask(pa.array(["She is ana@shop.example."]), inputs)[0].as_py()
    assert not policy.decisions[column("note.body")].keeps


def test_the_same_registry_and_key_decide_the_same(catalog_of: CatalogOf):
    catalog = catalog_of(FAMILY)
    registry = parse('[public.person]\nemail = "email"\nname = "person_name"\nborn = "keep"\n')
    values = pa.array(["ana@shop.example", None, ""])
    first, again, other = (
        resolve(catalog, registry=registry, keys=keys)
        .decisions[column("login.email")]
        .mask.mask(values)
        .to_pylist()
        for keys in (KEYS, KEYS, Keyring(bytes(32)))
    )
    assert first == again
    assert first[0] != other[0]


def test_nothing_in_an_error_is_a_value(resolved: Resolved):
    policy = resolved(
        "CREATE TABLE t (x varchar(3) UNIQUE)", "[public.t]\nx = { mask = 'constant', value = 's3cret' }\n"
    )
    with pytest.raises(ContractBroken) as caught:
        policy.require()
    assert "s3cret" not in str(caught.value.as_dict())


def test_where_the_usual_mask_of_a_type_breaks_a_constraint_unclassified_takes_one_that_does_not(
    resolved: Resolved,
):
    policy = resolved(
        """
        CREATE DOMAIN address AS text CHECK (VALUE ~ '^[^@]+@[^@]+[.][a-z]+$');
        CREATE TABLE p (mail address PRIMARY KEY, sku text NOT NULL CHECK (sku ~ '^[A-Z]{3}-[0-9]{5}$'), word text);
        CREATE TABLE c (mail address REFERENCES p);
        """,
        unclassified="mask",
    )
    policy.require()
    names = {str(name): decision.mask_name for name, decision in policy.decisions.items()}
    assert names == {
        "public.p.mail": "email", "public.c.mail": "email", "public.p.sku": "code", "public.p.word": "text",
    }  # fmt: skip
    assert policy.decisions[column("c.mail")].mask is policy.decisions[column("p.mail")].mask
    assert "would break" in policy.decisions[column("p.sku")].reason


def test_many_broken_decisions_are_told_in_a_few_lines(resolved: Resolved):
    policy = resolved(
        "".join(f"CREATE TABLE t{n} (b bytea UNIQUE NOT NULL);" for n in range(9)), "", unclassified="mask"
    )
    assert [v.suggestion for v in policy.violations] == [""] * 9, "nothing stands there by itself"
    with pytest.raises(ContractBroken) as caught:
        policy.require("penstock masks check --for small")
    assert caught.value.what.endswith("(and 8 more)")
    assert [f"public.t{n}.b" in caught.value.why for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert caught.value.why.endswith("; and 5 more")
    assert "`penstock masks check --for small` lists all" in caught.value.hint
