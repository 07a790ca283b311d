"""What is done to each table, as items that a crew shares: set it aside, fill it again through the masks, vacuum it.

Foreign keys are away meanwhile and originals never change, so no table waits for another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.catalog.model import Table, TableName
from penstock.devdb.progress import Progress
from penstock.devdb.scrub import aside, restart, steps, traces
from penstock.devdb.scrub.crew import Station, Watch
from penstock.devdb.scrub.state import ASIDE, State, note_step
from penstock.devdb.scrub.work import Work
from penstock.pump.move import move
from penstock.pump.readplan import ReadPlan
from penstock.runs.items import Crew, Item, Report

PORTION_BYTES = 256 << 20  # of a table that several workers fill
_PARTS_PER_WORKER = 2


@dataclass(frozen=True, slots=True)
class Copy:
    """An item: the rows of a table, copied aside as they are."""

    step: str
    table: TableName
    there: TableName
    making: str
    copying: str


@dataclass(frozen=True, slots=True)
class Fill:
    """An item: the originals from page `first` to before `end` (None: to the last), written through the masks."""

    step: str
    plan: ReadPlan
    there: TableName
    leaves: tuple[TableName, ...]  # to be emptied first, in the same transaction
    first: int = 0
    end: int | None = None
    expected: int | None = None  # rows; None where the whole is counted later

    @property
    def query(self) -> str:
        conditions = [f"t.ctid >= '({self.first},0)'::pg_catalog.tid"] if self.first else []
        if self.end is not None:
            conditions.append(f"t.ctid < '({self.end},0)'::pg_catalog.tid")
        return self.plan.select(self.there, " AND ".join(conditions))


@dataclass(frozen=True, slots=True)
class Vacuum:
    """An item."""

    step: str
    table: TableName
    full: bool


def set_aside(state: State, crew: Crew, work: Work, progress: Progress) -> Mapping[TableName, TableName]:
    """Copy the originals of the tables that change; where each is."""
    taken = {document["there"] for document in restart.set_aside(state).values()}
    names = (f"t{number}" for number in range(1, len(work.rewritten) + len(taken) + 1))
    free = (name for name in names if name not in taken)
    items = []
    for name in work.rewritten:
        step, table = steps.set_aside(name), work.catalog.tables[name]
        if not state.has(step):
            there = TableName(ASIDE, next(free))
            what = Copy(step, name, there, aside.making(table, there), aside.copying(table, there))
            items.append(Item(step, _copy, what, _size(work, name)))
    _run(state, crew, items, Watch(progress, {item.name: item.name for item in items}))
    return {name: TableName(ASIDE, state.steps[steps.set_aside(name)]["there"]) for name in work.rewritten}


def _copy(station: Station, what: Copy, _: Report) -> Mapping[str, Any]:
    station.session.execute(what.making, doing=f"making room for {what.table}")
    with station.session.transaction():
        status = station.session.execute(what.copying, doing=f"setting {what.table} aside")
        rows = int(status.rpartition(" ")[2])
        return note_step(station.session, what.step, rows=rows, there=what.there.table, table=[*what.table])


def rewrite(
    state: State,
    here: Station,
    crew: Crew,
    work: Work,
    names: Mapping[TableName, TableName],
    progress: Progress,
) -> None:
    """Fill the tables from the originals, then empty those that are to be empty."""
    counts = {name: state.steps[steps.set_aside(name)]["rows"] for name in work.rewritten}
    left = [name for name in work.rewritten if not state.has(steps.rewrite(name))]
    items, task_of = [], {}
    for name in left:
        for item in _filling(state, here, crew, work, name, names, counts[name]):
            items.append(item)
            task_of[item.name] = str(name)
    _run(state, crew, items, Watch(progress, task_of, {str(name): counts[name] for name in left}))
    for name in left:
        if state.has(steps.empty(name)):
            rows = sum(document["rows"] for document in _parts(state, name))
            aside.require_same(name, counts[name], rows)
            state.commit(steps.rewrite(name), rows=rows)
    for name in work.emptied:  # after the others: their masks may read these
        step = steps.rewrite(name)
        if not state.has(step):
            progress.start(str(name))
            aside.forget_added(here.session, work.catalog.leaves[name])
            with here.session.transaction():
                traces.empty(here.session, work.catalog, name)
                state.done(step)
            progress.finish(str(name))


def _filling(
    state: State,
    here: Station,
    crew: Crew,
    work: Work,
    name: TableName,
    names: Mapping[TableName, TableName],
    expected: int,
) -> Iterator[Item]:
    """One item for a table, or, where it is large, one for each portion of its pages. Then it is emptied first (so it is where
    columns were added with values, too), and how it was cut is noted: whoever goes on must cut it the same."""
    there, size, step = names[name], _size(work, name), steps.rewrite(name)
    plan = aside.read_plan_of(work, name, names)
    leaves = work.catalog.leaves[name]
    if not state.has(steps.empty(name)):
        pages = here.session.fetchval(
            "SELECT pg_catalog.pg_relation_size($1::regclass) / pg_catalog.current_setting('block_size')::int",
            there.sql,
        )
        count = min(size // PORTION_BYTES, crew.working * _PARTS_PER_WORKER, pages) if crew.working > 1 else 1
        if count < 2 and not aside.with_added(here.session, leaves):
            yield Item(step, _fill, Fill(step, plan, there, leaves, expected=expected), size)
            return
        count = max(count, 1)
        with here.session.transaction():
            aside.empty(here.session, name, leaves)
            state.done(steps.empty(name), edges=[pages * i // count for i in range(count)])
    aside.forget_added(here.session, leaves)
    edges = state.steps[steps.empty(name)]["edges"]
    for first, end in zip(edges, [*edges[1:], None], strict=True):
        part = steps.part(name, first)
        if not state.has(part):
            yield Item(part, _fill, Fill(part, plan, there, (), first, end), size // len(edges))


def _parts(state: State, name: TableName) -> Iterable[Mapping[str, Any]]:
    return [state.steps[steps.part(name, first)] for first in state.steps[steps.empty(name)]["edges"]]


def _fill(station: Station, what: Fill, report: Report) -> Mapping[str, Any]:
    with station.reader() as reader, station.session.transaction():
        aside.empty(station.session, what.plan.table, what.leaves)
        reader.begin_snapshot()
        into = TableName(what.plan.table.schema, what.plan.table.table)
        rows = move(reader, station.session, what.plan, (what.query,), into=into, progress=report).rows
        if what.expected is not None:
            aside.require_same(what.plan.table, what.expected, rows)
        return note_step(station.session, what.step, rows=rows)


def vacuum(state: State, crew: Crew, work: Work, progress: Progress, *, full: bool) -> None:
    """With `full`, new files for what no mask rewrote: dead rows and dropped columns may hold what is masked elsewhere.
    Otherwise an ordinary VACUUM of every table."""
    names = traces.not_rewritten(work) if full else (t.name for t in work.catalog if t.holds_rows)
    items = [
        Item(step, _vacuum, Vacuum(step, name, full), work.catalog.tables[name].heap_bytes)
        for name in names
        if not state.has(step := steps.vacuum(name, full=full))
    ]
    _run(state, crew, items, Watch(progress, dict.fromkeys((item.name for item in items), "vacuum")))


def _vacuum(station: Station, what: Vacuum, _: Report) -> Mapping[str, Any]:
    full = "(FULL) " if what.full else ""
    station.session.execute(f"VACUUM {full}{what.table.sql}", doing=f"vacuuming {what.table}")
    with station.session.transaction():
        return note_step(station.session, what.step)


def _run(state: State, crew: Crew, items: Iterable[Item], watch: Watch) -> None:
    for step, document in crew.run(items, watch).items():
        state.steps[step] = document


def _size(work: Work, name: TableName) -> int:
    below: Iterable[Table] = work.tree([name])
    return sum(table.heap_bytes for table in below)
