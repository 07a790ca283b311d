"""The closure of a subset: every row the chosen rows need, found inside one snapshot, without writing to the source.

Two states. Rows are *descending* when they are roots or were reached from descending rows down an edge whose policy
allows it; they bring their children. Rows are *included* when they are descending, kept, or a parent of an included
row; parents are mandatory, along every edge. A row that is there only as a parent brings no children, but along edges
with the policy "always", whose children are then included, not descending.

Nothing of the second state leads back to the first, so there are two passes: down from the roots, then up. In each, the
strongly connected components of the followed relations come in topological order: a component runs to its
fixpoint (semi-naive: only new rows are followed), and a relation that leaves it is followed once, with all rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from penstock.catalog.graph import Children, Edge, RelationGraph
from penstock.catalog.model import Catalog, TableName
from penstock.devdb.closure.addresses import Addresses, Source, read_ids
from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.edge_rows import Direction, EdgeReader, Relation, Step, statement
from penstock.devdb.closure.provenance import Origin, Provenance
from penstock.devdb.closure.references import count_dangling
from penstock.devdb.closure.roots import RootRule, select_roots
from penstock.devdb.closure.rowset import RowSet
from penstock.devdb.closure.spread import Followed, Rows, Spread, Tally
from penstock.devdb.closure.written import check_sql, user_search_path
from penstock.errors import ConfigError
from penstock.masks.keys import Keyring


@dataclass(frozen=True, slots=True)
class EdgeRule:
    """The policy of one edge of the graph, by its id. Without a rule: follow to all children, never cut.

    `children`: from descending rows to all children (True), none (False), at most N per parent in the order of their
    primary key, or "always": also from rows that are there only as parents. `cut`: do not follow to the parent; the
    reference will be written as NULL.
    """

    edge: str
    children: Children = True
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Brought:
    """How many rows an edge was the first to bring, in one direction."""

    edge: str
    direction: Direction
    rows: int


@dataclass(frozen=True, slots=True)
class Closure:
    """The rows of a subset. Row ids count leaves in the order of `Catalog.leaves`."""

    rows: Mapping[TableName, RowSet]  # every logical table but `empty` and `skip` ones
    reached: frozenset[TableName]  # tables the rules can bring rows into, whether or not there are any
    brought: tuple[Brought, ...]
    dangling: Mapping[str, int]  # edge id → included rows whose parent the source itself lacks
    steps: tuple[Step, ...]  # how each relation was read: what the tests of the three ways look at
    provenance: Provenance
    budget: MemoryBudget  # for a further closure of the same command

    @classmethod
    def nothing(cls) -> Closure:
        """No row at all."""
        return cls({}, frozenset(), (), {}, (), Provenance(enabled=False), MemoryBudget())

    @property
    def count(self) -> int:
        return sum(rows.count for rows in self.rows.values())

    def why(self, table: TableName, row: int) -> Sequence[Origin]:
        """How the row came in, back to a root or a kept table. Needs a closure computed with `trace`."""
        return self.provenance.path(table, row)


def compute(
    session: Source,
    catalog: Catalog,
    graph: RelationGraph,
    *,
    roots: Iterable[RootRule],
    edges: Iterable[EdgeRule] = (),
    keep: Iterable[TableName] = (),
    empty: Iterable[TableName] = (),
    skip: Iterable[TableName] = (),
    keys: Keyring | None = None,
    trace: bool = False,
    budget: MemoryBudget | None = None,
    progress: Followed = lambda _what, _rows: None,
) -> Closure:
    """Find the closure in the session's open snapshot, whose search_path is empty.

    `progress` is told what is being followed, and how many rows there are so far. `budget` is of an earlier closure of
    the same command; without one, this closure makes the command's.

    Raises QueryError for a root or edge the server cannot evaluate, ConfigError for rules that contradict each other.
    """
    roots, keep = tuple(roots), frozenset(keep)
    budget = budget or MemoryBudget()
    block_bytes = int(session.fetchval("SELECT pg_catalog.current_setting('block_size')"))
    addresses = Addresses(catalog, block_bytes)
    reader = EdgeReader(session, catalog, addresses)
    rules = _Rules(graph, {rule.edge: rule for rule in edges}, frozenset(empty) | frozenset(skip))
    rules.check(reader, roots, keep)
    tally = Tally(Provenance(trace), progress)
    included: Rows = {table: RowSet(budget, addresses.offset_bits) for table in graph.tables}
    for rule in roots:
        _add_root(reader, rule, keys, included, tally)
    Spread(reader, rules.down(), included, tally).run()  # until here, all of them descend
    for table in sorted(keep):
        _add_whole(reader, table, included, tally)
    Spread(reader, rules.up(), included, tally).run()
    starts = {catalog.root_of(rule.table) for rule in roots}
    return Closure(
        rows={table: rows for table, rows in included.items() if table not in rules.blocked},
        reached=graph.reachable(starts, rules.children, rules.follows_parent, keep),
        brought=tuple(Brought(edge, way, n) for (edge, way), n in sorted(tally.brought.items())),
        dangling=count_dangling(reader, graph.edges, included),
        steps=tuple(reader.steps.values()),
        provenance=tally.provenance,
        budget=budget,
    )


def _add_root(reader: EdgeReader, rule: RootRule, keys: Keyring | None, included: Rows, tally: Tally) -> None:
    table = reader.catalog.root_of(rule.table)
    tally.progress(f"root {rule.table}", tally.rows)
    for ids in select_roots(reader.session, reader.catalog, reader.addresses, rule, keys):
        new = included[table].add(ids)
        tally.provenance.start(table, new, rule.reason)
        tally.rows += len(new)


def _add_whole(reader: EdgeReader, table: TableName, included: Rows, tally: Tally) -> None:
    tally.progress(f"keep {table}", tally.rows)
    for ids in read_ids(
        reader.session, reader.addresses, table, None, "", f"reading the addresses of {table}"
    ):
        new = included[table].add(ids)
        tally.provenance.start(table, new, "keep")
        tally.rows += len(new)


@dataclass(frozen=True, slots=True)
class _Rules:
    """The graph under the edges' policies. Nothing leads to a `blocked` table, or away from it."""

    graph: RelationGraph
    policy: Mapping[str, EdgeRule]
    blocked: frozenset[TableName]

    def children(self, edge: Edge) -> Children:
        if edge.child in self.blocked or edge.parent in self.blocked:
            return False
        children = self.policy[edge.id].children if edge.id in self.policy else True
        return False if children == 0 else children

    def follows_parent(self, edge: Edge) -> bool:
        cut = edge.id in self.policy and self.policy[edge.id].cut
        return not cut and edge.parent not in self.blocked

    def down(self) -> list[Relation]:
        """From descending rows to their children."""
        found = []
        for edge in self.graph.edges:
            children = self.children(edge)
            if children is not False:
                cap = None if children is True or children == "always" else int(children)
                found.append(Relation(edge, "children", cap))
        return found

    def up(self) -> list[Relation]:
        """From included rows to their parents, and to the children that always come along."""
        return [
            *(Relation(edge, "parents") for edge in self.graph.edges if self.follows_parent(edge)),
            *(Relation(edge, "children") for edge in self.graph.edges if self.children(edge) == "always"),
        ]

    def check(self, reader: EdgeReader, roots: Sequence[RootRule], keep: frozenset[TableName]) -> None:
        """Refuse rules that contradict each other, and SQL the server does not take."""
        for table in [*(reader.catalog.root_of(rule.table) for rule in roots), *sorted(keep)]:
            if table in self.blocked:
                raise ConfigError(
                    f"{table} is wanted, and also `empty` or `skip`", hint="decide for one of them"
                )
            if table not in reader.catalog.leaves:
                raise ConfigError(f"{table} stores no rows of its own", hint="use the tables it reads from")
        known = {edge.id for edge in self.graph.edges}
        for rule in self.policy.values():
            if rule.edge not in known:
                raise ConfigError(f"there is no edge {rule.edge}", hint="penstock dev plan lists the edges")
            if isinstance(rule.children, int) and rule.children < 0:
                raise ConfigError(f"the edge {rule.edge} has a negative cap", hint="children = 20")
        for edge in self.graph.edges:
            if edge.kind == "virtual":
                _check_virtual(reader, edge)


def _check_virtual(reader: EdgeReader, edge: Edge) -> None:
    whose = f"the edge {edge.child} → {edge.parent}"
    with user_search_path(reader.session, reader.catalog, edge.child.schema, edge.parent.schema):
        query = statement(reader.catalog, reader.addresses, Relation(edge, "parents"), None, None).sql
        check_sql(reader.session, f"{query}\nLIMIT 0", whose, f"checking {whose}")
