"""Is the target whole? Every reference resolves, every count is as planned, every object of the schema is there.

Asked of the target's own catalog and rows, with SQL of its own: nothing of what the copy believed is reused. Checks
are sent in batches of statements joined by UNION ALL, so their number of queries is bounded; what cannot be asked is
reported as skipped, and skipped is never a pass.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from penstock.catalog.graph import comparison_collations
from penstock.catalog.model import (
    Catalog,
    Column,
    ColumnName,
    ForeignKey,
    Table,
    TableName,
    quote_identifier,
)
from penstock.catalog.types import Family
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError
from penstock.proof.comments import lost_comments
from penstock.proof.largeobjects import check_large_objects
from penstock.proof.report import Check, IntegrityReport, Progress, Status
from penstock.proof.structure import compare_structure, compared, own_routines

_BATCH = 50  # checks in one statement


def check_integrity(
    target: Session,
    target_catalog: Catalog,
    source_catalog: Catalog,
    expected_rows: Mapping[TableName, int],
    *,
    source: Session | None = None,
    skipped: frozenset[TableName] = frozenset(),
    absent: frozenset[str] = frozenset(),
    disarmed: frozenset[tuple[TableName, str]] = frozenset(),
    disarmed_rules: frozenset[tuple[TableName, str]] = frozenset(),
    emptied: frozenset[ColumnName] = frozenset(),
    in_use: bool = False,
    large_objects: bool = False,
    progress: Progress | None = None,
) -> IntegrityReport:
    """Run every check. `target_catalog` is reflected from the target itself, after everything was written.

    `expected_rows` holds partition roots, not partitions. `source` is asked whether it violates a constraint that the
    target violates and that is NOT VALID. `emptied` tsvector columns are NULL on purpose. A target that is `in_use` may
    hold what people made there; no check is about that. `large_objects` are kept, or there are none.
    """
    started = time.monotonic()
    say = progress or (lambda *_: None)
    copied = dataclasses.replace(
        target_catalog,
        tables={
            name: table
            for name, table in target_catalog.tables.items()
            if name in source_catalog.tables and name not in skipped
        },
    )
    checks = [
        *_foreign_keys(target, copied, source, say),
        *_rows(target, copied, expected_rows, say),
        *_sequences(target, copied, say),
        *_generated(target, copied, say),
        *_search_columns(target, copied, source, emptied, say),
    ]
    if source is not None and not in_use:
        checks += check_large_objects(source, target, kept=large_objects)
    say("comparing the schemas", 0, 0)
    checks += compare_structure(
        source_catalog,
        target_catalog,
        skipped=skipped,
        absent=absent,
        disarmed=disarmed,
        disarmed_rules=disarmed_rules,
        own_work=own_routines(target, source) if in_use else None,
        reread=lambda text: _reread(target, text),
    )
    if source is not None:
        checks.append(compared("comments", lost_comments(source, target)))
    return IntegrityReport(tuple(checks), time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class _Question:
    """A query of one bigint, and what it is about."""

    subject: str
    sql: str


def _ask(session: Session, kind: str, questions: Sequence[_Question], say: Progress) -> list[int | str]:
    """The answers in order; where the server refused, its error's code instead."""
    answers: list[int | str] = []
    if questions:
        say(f"checking each {kind}", 0, 0)
    for at in range(0, len(questions), _BATCH):
        answers += _ask_batch(session, kind, questions[at : at + _BATCH])
    return answers


def _ask_batch(session: Session, kind: str, batch: Sequence[_Question]) -> list[int | str]:
    union = " UNION ALL ".join(f"SELECT {i} AS i, ({q.sql})::bigint AS n" for i, q in enumerate(batch))
    in_transaction = session.connection.is_in_transaction()
    try:
        if in_transaction:
            session.execute("SAVEPOINT penstock_check")
        rows = session.fetch(f"SELECT i, n FROM ({union}) AS q ORDER BY i", doing=f"checking each {kind}")
    except DatabaseError as error:
        if in_transaction:
            session.execute("ROLLBACK TO SAVEPOINT penstock_check")
        if len(batch) == 1:
            return [f"{error.code}: {error.what}"]
        return [answer for question in batch for answer in _ask_batch(session, kind, [question])]
    return [int(row["n"]) for row in rows]


def _reread(session: Session, text: str) -> str | None:
    """The text of a view as this server words it; None when it does not take it, or there is no transaction to undo."""
    if not session.connection.is_in_transaction():
        return None
    session.execute("SAVEPOINT penstock_reread")
    try:
        session.execute(f"CREATE TEMPORARY VIEW penstock_reread AS {text}", doing="reading a view again")
        return str(session.fetchval("SELECT pg_get_viewdef('pg_temp.penstock_reread'::regclass)"))
    except DatabaseError:
        return None
    finally:
        session.execute("ROLLBACK TO SAVEPOINT penstock_reread")


def _from(table: Table) -> str:
    """The rows of a partition root with its partitions; of any other table, its own."""
    return table.name.sql if table.kind == "partitioned" else f"ONLY {table.name.sql}"


def orphan_query(key: ForeignKey, catalog: Catalog) -> str:
    """How many rows of the referencing table break this foreign key, by the constraint's own operators."""
    here = [f"c.{quote_identifier(column)}" for column in key.columns]
    there = [f"p.{quote_identifier(column)}" for column in key.referenced_columns]
    child, parent = catalog.tables[key.table], catalog.tables[key.referenced_table]
    collations = comparison_collations(
        [child.column(c) for c in key.columns], [parent.column(c) for c in key.referenced_columns]
    )
    joined = " AND ".join(
        f"{p}{collation} {op} {c}"
        for p, collation, op, c in zip(there, collations, key.operators, here, strict=True)
    )
    all_set = " AND ".join(f"{c} IS NOT NULL" for c in here)
    missing = f"NOT EXISTS (SELECT 1 FROM {_from(catalog.tables[key.referenced_table])} p WHERE {joined})"
    broken = f"({all_set} AND {missing})"
    if key.match == "full":
        some_set = " OR ".join(f"{c} IS NOT NULL" for c in here)
        broken = f"({broken} OR (({some_set}) AND NOT ({all_set})))"
    return f"SELECT count(*) FROM {_from(catalog.tables[key.table])} c WHERE {broken}"


def _foreign_keys(
    target: Session, catalog: Catalog, source: Session | None, say: Progress
) -> Iterator[Check]:
    keys = [key for key in catalog.foreign_keys if key.referenced_table in catalog.tables]
    questions = [_Question(f"{key.table} {key.name}", orphan_query(key, catalog)) for key in keys]
    answers = _ask(target, "foreign key", questions, say)
    for key, question, orphans in zip(keys, questions, answers, strict=True):
        if isinstance(orphans, str):
            yield Check("foreign key", question.subject, Status.SKIPPED, orphans)
        elif not orphans:
            yield Check("foreign key", question.subject, Status.OK)
        elif (key.validated and key.enforced) or source is None:
            yield Check(
                "foreign key", question.subject, Status.FAILED, f"{orphans} rows refer to nothing", orphans
            )
        else:
            yield _perhaps_known(question, orphans, source)


def _perhaps_known(question: _Question, orphans: int, source: Session) -> Check:
    """A NOT VALID constraint is broken: known if the source breaks it as well."""
    there = _ask_batch(source, "foreign key", [question])[0]
    if isinstance(there, int) and there > 0:
        detail = (
            f"{orphans} rows refer to nothing; so do {there} of the source, where the constraint is NOT VALID"
        )
        return Check("foreign key", question.subject, Status.KNOWN, detail, orphans)
    detail = f"{orphans} rows refer to nothing; none of the source's does"
    if isinstance(there, str):
        detail = f"{orphans} rows refer to nothing; the source could not be asked ({there})"
    return Check("foreign key", question.subject, Status.FAILED, detail, orphans)


def _rows(
    target: Session, catalog: Catalog, expected: Mapping[TableName, int], say: Progress
) -> Iterator[Check]:
    present = [name for name in expected if name in catalog.tables]
    questions = [_Question(str(n), f"SELECT count(*) FROM {_from(catalog.tables[n])}") for n in present]
    counted = dict(zip(present, _ask(target, "row count", questions, say), strict=True))
    for name, rows in expected.items():
        found = counted.get(name, 0)
        if isinstance(found, str):
            yield Check("row count", str(name), Status.SKIPPED, found)
        elif name not in catalog.tables:
            yield Check("row count", str(name), Status.FAILED, f"the table is missing; {rows} rows expected")
        elif found != rows:
            yield Check("row count", str(name), Status.FAILED, f"{found} rows, {rows} expected", found)
        else:
            yield Check("row count", str(name), Status.OK, count=found)
    for table in catalog:
        unexpected = (
            table.kind in ("table", "partitioned")
            and not table.is_partition
            and table.extension is None  # whose rows are its own
            and table.name not in expected
        )
        if unexpected:
            yield Check("row count", str(table.name), Status.SKIPPED, "no count was expected of it")


def _sequences(target: Session, catalog: Catalog, say: Progress) -> Iterator[Check]:
    """Every sequence is past what its column holds: the next value must not collide. But for a column that holds the last
    value there is: past that, no next one would be."""
    drawn = {(s.name.schema, s.name.table): s for s in catalog.sequences}
    pairs = []
    for table in catalog:
        if table.kind not in ("table", "partitioned") or table.is_partition:
            continue
        for column in table.columns:
            schema, _, name = (column.sequence or "").partition(".")
            sequence = drawn.get((schema, name))
            if sequence is not None and column.type.family in (Family.INTEGER, Family.NUMERIC):
                pairs.append((sequence, table, column))
    questions = []
    for sequence, table, column in pairs:
        ascends = sequence.increment > 0
        extreme, whole, behind = ("max", "floor", "<") if ascends else ("min", "ceil", ">")
        reached = "CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - s.step END"
        subject = f"{sequence.name} for {table.name}.{column.name}"
        name = quote_identifier(column.name)
        given = f"{name} BETWEEN '{sequence.minimum}'::bigint AND '{sequence.maximum}'::bigint"
        values = f"SELECT {whole}({extreme}({name})::numeric) AS v FROM {_from(table)} WHERE {given}"
        inside = f"m.v + {sequence.increment} BETWEEN {sequence.minimum} AND {sequence.maximum}"
        state = f"SELECT last_value, is_called, {sequence.increment}::bigint AS step FROM {sequence.name.sql}"
        questions.append(
            _Question(
                subject,
                f"SELECT count(*) FROM ({state}) s, ({values}) m WHERE {reached} {behind} m.v AND {inside}",
            )
        )
    yield from _zero(
        "sequence", target, questions, say, "the sequence is behind the column: the next value collides"
    )


def _generated(target: Session, catalog: Catalog, say: Progress) -> Iterator[Check]:
    """Every generated column holds what its expression says."""
    questions = []
    for table, column in _columns(catalog):
        if column.generated and column.generation_expression:
            same = f"{quote_identifier(column.name)} IS NOT DISTINCT FROM ({column.generation_expression})"
            questions.append(
                _Question(
                    f"{table.name}.{column.name}", f"SELECT count(*) FROM {_from(table)} WHERE NOT ({same})"
                )
            )
    yield from _zero("generated column", target, questions, say, "rows do not hold what the expression says")


def _zero(
    kind: str, session: Session, questions: Sequence[_Question], say: Progress, detail: str
) -> Iterator[Check]:
    """Checks that pass when the count is 0."""
    for question, answer in zip(questions, _ask(session, kind, questions, say), strict=True):
        if isinstance(answer, str):
            yield Check(kind, question.subject, Status.SKIPPED, answer)
        elif answer:
            yield Check(kind, question.subject, Status.FAILED, detail, answer)
        else:
            yield Check(kind, question.subject, Status.OK)


def _search_columns(
    target: Session, catalog: Catalog, source: Session | None, emptied: frozenset[ColumnName], say: Progress
) -> Iterator[Check]:
    """No tsvector column is empty that has content in the source."""
    wanted = [
        (table, column)
        for table, column in _columns(catalog)
        if column.type.family is Family.SEARCH and ColumnName(table.name, column.name) not in emptied
    ]
    questions = [
        _Question(
            f"{table.name}.{column.name}",
            f"SELECT CASE WHEN count(*) > 0 AND count({quote_identifier(column.name)}) = 0 THEN 1 ELSE 0 END "
            f"FROM {_from(table)}",
        )
        for table, column in wanted
    ]
    for question, empty in zip(questions, _ask(target, "search column", questions, say), strict=True):
        if isinstance(empty, str):
            yield Check("search column", question.subject, Status.SKIPPED, empty)
            continue
        in_source = _ask_batch(source, "search column", [question])[0] if empty and source else 0
        if empty and in_source == 0:
            yield Check("search column", question.subject, Status.FAILED, "it is NULL in every row")
        else:
            yield Check("search column", question.subject, Status.OK)


def _columns(catalog: Catalog) -> Iterable[tuple[Table, Column]]:
    """Columns of everything that has rows of its own and is not a partition."""
    for table in catalog:
        if table.kind in ("table", "partitioned") and not table.is_partition:
            yield from ((table, column) for column in table.columns)
