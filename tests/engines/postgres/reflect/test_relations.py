"""Keys, indexes, checks, partitions, triggers, sequences: what holds tables together."""

from __future__ import annotations

import pytest

from penstock.catalog.model import ColumnName, TableName
from tests.engines.postgres.reflect.conftest import by_name, public, reflected


def test_unique_keys_say_on_what_they_stand(everything):
    assert everything.primary_key.columns == ("id",)
    assert everything.primary_key.is_plain
    lower = by_name(everything.unique_keys, "everything_lower")
    assert (lower.columns, lower.expression_columns, lower.predicate_columns) == (
        ("price",),
        ("name",),
        ("mood", "number"),
    )
    assert len(lower.expressions) == 1
    assert "lower" in lower.expressions[0]
    assert not lower.constraint
    assert not lower.is_plain
    assert by_name(everything.unique_keys, "everything_covering").columns == ("number", "price")
    late = by_name(everything.unique_keys, "late_number")
    assert (late.constraint, late.deferrable, late.initially_deferred) == (True, True, True)
    overlap = by_name(everything.unique_keys, "no_overlap")
    assert (overlap.exclusion, overlap.columns, overlap.predicate_columns) == (True, ("span",), ("number",))
    assert "&&" in overlap.definition


def test_nulls_not_distinct_is_known_where_the_server_has_it(make_database, postgres):
    if int(postgres.maintenance.value("SHOW server_version_num")) < 150000:
        pytest.skip("NULLS NOT DISTINCT came with PostgreSQL 15")
    catalog = reflected(make_database("CREATE TABLE t (a int UNIQUE NULLS NOT DISTINCT, b int UNIQUE)"))
    keys = {key.columns: key.nulls_not_distinct for key in catalog.tables[public("t")].unique_keys}
    assert keys == {("a",): True, ("b",): False}


def test_indexes_lead_with_their_plain_columns(everything):
    assert by_name(everything.indexes, "everything_mixed").columns == ("price",)
    assert by_name(everything.indexes, "everything_lower").columns == ()
    assert by_name(everything.indexes, "everything_lower").partial
    assert by_name(everything.indexes, "no_overlap").method == "gist"


def test_a_composite_foreign_key_keeps_the_order_of_its_constraint(catalog):
    turned = by_name(catalog.tables[public("child")].foreign_keys, "turned")
    assert (turned.columns, turned.referenced_columns) == (("y", "x"), ("b", "a"))
    assert turned.operators == ("OPERATOR(pg_catalog.=)",) * 2
    assert (turned.match, turned.on_delete, turned.on_update) == ("full", "cascade", "set null")
    assert (turned.deferrable, turned.initially_deferred, turned.validated) == (True, True, True)
    assert turned.nullable


def test_a_foreign_key_that_is_not_valid_says_so(catalog):
    child = catalog.tables[public("child")]
    unsure = by_name(child.foreign_keys, "unsure")
    assert (unsure.validated, unsure.nullable) == (False, False)
    assert (unsure.on_delete, unsure.on_update, unsure.match) == ("set default", "restrict", "simple")
    assert not by_name(child.checks, "doubtful").validated


def test_checks_name_their_columns(everything, catalog):
    (check,) = everything.checks
    assert set(check.columns) == {"price", "rounded"}
    assert check.definition.startswith("CHECK")
    assert [c.inherited for c in catalog.tables[public("dog")].checks] == [True]


def test_a_declared_foreign_key_of_partitioned_tables_counts_once(catalog):
    edges = [fk for fk in catalog.foreign_keys if fk.table.table.startswith("event_notes")]
    assert [(str(fk.table), str(fk.referenced_table)) for fk in edges] == [
        ("public.event_notes", "public.events")
    ]
    copies = [fk for table in catalog for fk in table.foreign_keys if fk.inherited]
    assert {str(fk.table) for fk in copies} == {"public.event_notes", "public.event_notes_0"}


def test_partitions_know_their_root_their_bound_and_their_key(catalog):
    assert catalog.tables[public("events")].kind == "partitioned"
    assert catalog.tables[public("events")].partition_key == ("at",)
    assert catalog.tables[public("sorted")].partition_key == ("id", "kind")
    assert catalog.tables[public("events_2020")].is_partition
    assert "2020-01-01" in catalog.tables[public("events_2020")].partition_bound
    assert catalog.root_of(public("events_rest_all")) == public("events")
    assert catalog.leaves[public("events")] == (public("events_2020"), public("events_rest_all"))
    assert [i.columns for i in catalog.tables[public("events")].indexes] == [("kind",), ("id", "at")]


def test_inheritance_unlogged_and_foreign_tables_views_and_what_is_left_out(catalog):
    assert catalog.tables[public("dog")].parents == (public("animal"),)
    assert not catalog.tables[public("dog")].is_partition
    assert catalog.leaves[public("animal")] == (public("animal"),)
    assert catalog.tables[public("scratch")].persistence == "unlogged"
    assert "DO INSTEAD NOTHING" in catalog.tables[public("scratch")].rules[0].definition
    assert catalog.tables[public("far_away")].kind == "foreign"
    assert catalog.tables[TableName("crm", "names")].kind == "view"
    assert "everything" in catalog.tables[TableName("crm", "names")].definition
    assert catalog.tables[TableName("crm", "counted")].kind == "materialized view"
    assert {name.schema for name in catalog.tables} == {"public", "crm"}
    assert public("fleeting") not in catalog.tables
    assert list(catalog.tables) == sorted(catalog.tables)


def test_triggers_say_when_they_fire_and_with_which_arguments(catalog):
    triggers = {t.name: t for t in catalog.tables[public("child")].triggers}
    assert set(triggers) == {"before_insert", "after_update", "whole"}
    assert triggers["before_insert"].arguments == ("x", "it's", "")
    assert triggers["before_insert"].before_row_insert
    assert triggers["before_insert"].function == "public.noted"
    assert not triggers["after_update"].enabled
    assert not triggers["after_update"].before_row_insert
    assert not triggers["whole"].before_row_insert
    assert [t.name for t in catalog.tables[public("events")].triggers] == ["on_events"]
    assert catalog.tables[public("events_2020")].triggers == ()


def test_trigger_arguments_survive_another_encoding_and_quotes_everywhere(make_database):
    database = make_database(
        "CREATE TABLE t (name text);"
        """CREATE FUNCTION "it's" () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"""
        """CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.name <> 'x''y')
           EXECUTE FUNCTION "it's"('größe', '', 'back\\slash', '"', 'EXECUTE FUNCTION f(''z'')');"""
        "CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.name <> 'x') EXECUTE FUNCTION \"it's\"();",
        clause="ENCODING 'LATIN1' LOCALE 'C'",
    )
    first, second = reflected(database).tables[public("t")].triggers
    assert first.arguments == ("größe", "", "back\\slash", '"', "EXECUTE FUNCTION f('z')")
    assert second.arguments == ()


def test_sequences_know_their_bounds_and_their_owner(catalog):
    sequences = {str(s.name): s for s in catalog.sequences}
    tickets = sequences["crm.tickets"]
    assert (tickets.data_type, tickets.start, tickets.increment, tickets.maximum, tickets.cycle) == (
        "smallint",
        7,
        3,
        999,
        True,
    )
    assert tickets.owned_by is None
    assert catalog.tables[public("ticket")].column("id").sequence == "crm.tickets"
    own = TableName("crm", "everything")
    assert sequences["crm.everything_id_seq"].identity
    assert sequences["crm.everything_id_seq"].owned_by == ColumnName(own, "id")
    assert sequences["crm.everything_old_style_seq"].owned_by == ColumnName(own, "old_style")
    assert not sequences["crm.everything_old_style_seq"].identity


def test_estimates_follow_the_size_of_now(catalog):
    parent = catalog.tables[public("parent")]
    assert 9_000 < parent.row_estimate < 11_000  # analysed at 5,000 rows, twice as large since
    assert parent.total_bytes > parent.heap_bytes >= parent.pages * 8192 > 0
    assert catalog.tables[public("animal")].row_estimate is None  # never analysed
    assert (parent.row_security, parent.row_security_forced) == (True, True)
    assert catalog.tables[TableName("crm", "everything")].comment == "one of each"
