"""Edges that no foreign key declares: by a type column, by any predicate."""

from __future__ import annotations

import pytest

from penstock.catalog.graph import virtual_edge
from penstock.errors import QueryError
from tests.devdb.closure.closures import catalog_of, close, table


def test_a_polymorphic_reference_follows_its_type_column(given):
    database = given("virtual_edges")
    catalog = catalog_of(database)
    edges = [
        virtual_edge(
            catalog, table("comment"), table(kind), [("on_id", "id")], f"child.on_type = '{kind}' -- kind"
        )
        for kind in ("issue", "merge")
    ]
    found = close(database, ("comment", "id IN (1, 2, 4)"), virtual=edges)
    assert (found.rows("issue"), found.rows("merge")) == ([1], [1])
    found = close(database, ("issue", "id = 1"), virtual=edges)
    assert found.rows("comment") == [1]


def test_any_predicate_can_be_an_edge_and_its_parents_need_no_key(given):
    database = given("virtual_edges")
    catalog = catalog_of(database)
    mentions = virtual_edge(
        catalog, table("mention"), table("issue"), predicate="child.body LIKE '%' || parent.slug"
    )
    assert close(database, ("issue", "id = 2"), virtual=[mentions]).rows("mention") == [2]
    at = virtual_edge(
        catalog, table("sale"), table("price"), [("product", "product")], "parent.valid @> child.at"
    )
    assert close(database, ("sale", "id = 2"), virtual=[at]).rows("price", "amount") == [9, 12]
    loose = virtual_edge(catalog, table("sale"), table("price"), [("product", "product")])
    found = close(database, ("sale", "id IN (1, 3)"), virtual=[loose])
    assert found.rows("price", "amount") == [9, 10, 12]
    assert found.closure.dangling == {loose.id: 1}


def test_a_predicate_the_server_refuses_is_an_error_without_values(given):
    database = given("virtual_edges")
    broken = virtual_edge(
        catalog_of(database),
        table("mention"),
        table("issue"),
        predicate="child.body = parent.slgu || 'Geheim'",
    )
    with pytest.raises(QueryError) as caught:
        close(database, ("issue", None), virtual=[broken])
    assert "public.mention → public.issue" in caught.value.what
    assert "slgu" in caught.value.why
    assert "Geheim" not in str(caught.value.as_dict())
