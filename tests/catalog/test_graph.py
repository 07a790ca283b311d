"""The relation graph: components, load order, what a closure can reach."""

from __future__ import annotations

import random

import pytest

from penstock.catalog.graph import Edge, RelationGraph, strongly_connected
from penstock.catalog.model import TableName


def name(text):
    return TableName("s", text)


def graph(*arrows, alone=()):
    """A graph from "child>parent" arrows."""
    edges = [
        Edge(id=arrow, child=name(arrow.split(">")[0]), parent=name(arrow.split(">")[1])) for arrow in arrows
    ]
    tables = {t for e in edges for t in (e.child, e.parent)} | {name(t) for t in alone}
    return RelationGraph(tables, edges)


def words(tables):
    return "".join(t.table for t in tables)


def test_parents_are_loaded_before_their_children():
    assert words(graph("c>b", "b>a", "d>a", alone="e").load_order) == "abcde"


def test_two_cycles_that_share_a_table_are_one_component():
    components = graph("a>b", "b>a", "b>c", "c>b", "d>a", "c>e").components
    assert [words(c) for c in components] == ["e", "abc", "d"]


def test_cycles_are_components_of_several_tables_and_self_references():
    assert [words(c) for c in graph("a>a", "b>a", "c>d", "d>c").cycles] == ["a", "cd"]


def test_every_edge_but_those_inside_a_component_points_back_in_the_load_order():
    chance = random.Random(7)
    letters = "abcdefghijklmnopqrst"
    for _ in range(50):
        world = graph(*{f"{chance.choice(letters)}>{chance.choice(letters)}" for _ in range(25)})
        place = {t: n for n, component in enumerate(world.components) for t in component}
        assert all(place[e.parent] <= place[e.child] for e in world.edges)
        assert sorted(t for c in world.components for t in c) == list(world.tables)


def test_a_chain_of_a_hundred_thousand_nodes_needs_no_recursion():
    components = strongly_connected(range(100_000), {n: [n + 1] for n in range(99_999)})
    assert components[0] == (99_999,)
    assert len(components) == 100_000
    ring = strongly_connected(range(50_000), {n: [(n + 1) % 50_000] for n in range(50_000)})
    assert len(ring) == 1


def test_incoming_and_outgoing_edges_of_a_table():
    world = graph("b>a", "c>b", "b>b")
    assert [e.id for e in world.parents[name("b")]] == ["b>a", "b>b"]
    assert [e.id for e in world.children[name("b")]] == ["c>b", "b>b"]
    assert world.parents[name("a")] == ()


@pytest.mark.parametrize(
    ("roots", "policy", "expected"),
    [
        ("b", {}, "abcdf"),  # down to c and d, up to a and f; a's other child e is not asked for
        ("b", {"c>b": False}, "ab"),
        ("a", {}, "abcdef"),
        ("d", {}, "abcdf"),
        ("d", {"e>a": "always"}, "abcdef"),
        ("b", {"c>b": 5, "d>c": 0}, "abc"),
    ],
)
def test_reachable_goes_down_where_allowed_then_up_everywhere(roots, policy, expected):
    world = graph("b>a", "c>b", "d>c", "d>f", "e>a")
    found = world.reachable([name(r) for r in roots], lambda e: policy.get(e.id, True))
    assert words(sorted(found)) == expected


def test_whole_tables_lead_only_upwards_and_parents_can_be_closed():
    world = graph("b>a", "c>b")
    assert words(sorted(world.reachable([], whole=[name("b")]))) == "ab"
    assert words(world.reachable([name("c")], parents=lambda e: e.id != "c>b")) == "c"


def test_a_condition_pairs_the_columns_and_keeps_a_comment_of_the_predicate_to_itself():
    edge = Edge(
        id="x",
        child=name("c"),
        parent=name("p"),
        child_columns=("a", 'b"b'),
        parent_columns=("x", "y"),
        operators=("OPERATOR(pg_catalog.=)", "="),
        collations=("", ' COLLATE "C"'),
        predicate="child.kind = 1 -- one",
    )
    assert edge.condition == (
        'parent."x" OPERATOR(pg_catalog.=) child."a" AND parent."y" COLLATE "C" = child."b""b" AND (child.kind = 1 -- one\n)'
    )
