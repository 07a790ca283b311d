"""What `penstock dev` prints, as text. Numbers carry their provenance: = exact, ~ planner's estimate, ≈ computed from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from penstock.cli.output import size, table

if TYPE_CHECKING:
    from penstock.devdb.add import Added
    from penstock.devdb.created import Created
    from penstock.devdb.files.export import Exported
    from penstock.devdb.inspect import Listed
    from penstock.devdb.planning.plan import EdgePlan, Plan
    from penstock.devdb.scrub.request import Scrubbed
    from penstock.devdb.verify import Verification
    from penstock.devdb.why import Why
    from penstock.proof.report import LeakReport

_SHOWN = 12
_OF_FINGERPRINT = 8  # digits that tell keys apart in a table


def plan(made: Plan) -> str:
    """The whole plan."""
    exact = all(t.exact for t in made.tables)
    lines = [
        f"{made.name}: {made.source} → {made.target}, database {made.database}",
        (
            f"{made.rows:,} rows ({'= exact' if exact else '~ estimated'}), {size(made.bytes)} (≈), "
            f"planned in {made.seconds:.1f} s, rules {made.rules_hash}"
        ),
        (
            f"the leak check reads ≈{size(made.leak_check_bytes)} of the source, whose snapshot is held "
            f"≈{made.snapshot_minutes:,.1f} min (limit {made.most_snapshot_minutes:g})"
        ),
        "",
    ]
    copied = [t for t in made.tables if t.rows]
    width = max((len(t.table) for t in copied), default=5)
    lines += [f"  {'table':<{width}}  {'role':<7} {'rows':>12} {'of':>12} {'bytes':>9}"]
    for t in copied:
        of = f"~{t.source_rows:,}" if t.source_rows is not None else "?"
        rows = f"{'=' if t.exact else '~'}{t.rows:,}"
        lines.append(f"  {t.table:<{width}}  {t.role:<7} {rows:>12} {of:>12} {'≈' + size(t.bytes):>9}")
    for role, label in (
        ("subset", "reached, but without rows"),
        ("unreached", "not reached from any root (structure only)"),
        ("empty", "empty (structure only)"),
        ("skip", "skipped"),
    ):
        names = [t.table for t in made.tables if t.role == role and not t.rows]
        if names:
            lines.append(f"  {label}: {_some(names)}")
    if made.ways:
        lines += ["", *_ways(made)]
    lines += ["", *_columns(made)]
    lines += _edges("rows brought in by", [e for e in made.edges if e.direction != "deleted"])
    lines += _edges("rows deleted along", [e for e in made.edges if e.direction == "deleted"])
    for title, items in (
        ("left out, or switched off", made.left_out),
        ("written as NULL, because what they reference stays empty or is cut", made.nulled),
        ("stay real", made.real),
        ("dangling in the source itself", made.dangling),
    ):
        if items:
            lines += ["", f"  {title}", *(f"    {item}" for item in items)]
    lines += [f"warning: {w}" for w in made.warnings]
    for refusal in made.refusals:
        lines += ["", f"refused: {refusal.what} [{refusal.code}]", f"  hint: {refusal.hint}"]
    if not made.refusals:
        lines += ["", f"Next: penstock dev create {made.name}"]
    return "\n".join(lines)


def _ways(made: Plan) -> Iterable[str]:
    changed = [w for w in made.ways if w.way != "keep"]
    yield f"  pruned: {sum(w.go for w in changed):,} rows go (= exact), {len(made.ways) - len(changed)} tables stay as they are"
    width = max((len(w.table) for w in changed), default=0)
    for w in changed:
        rows = f"{w.go:>12,} of {w.go + w.stay:>12,} {w.share:>6.1%}"
        yield f"    {w.table:<{width}}  {w.way:<8} {rows} {size(w.bytes):>9}  {w.why}"


def _edges(title: str, edges: Sequence[EdgePlan]) -> Iterable[str]:
    """The first of them, which brought or took the most; and how many rows all others did."""
    if edges:
        yield from ("", f"  {title}")
    for e in edges[:_SHOWN]:
        to = f" (to {e.direction})" if e.direction != "deleted" else ""
        yield f"    {e.rows:>10,} {e.share:>6.1%}  {e.relation}{to}"
    if rest := edges[_SHOWN:]:
        yield f"    {sum(e.rows for e in rest):>10,} {sum(e.share for e in rest):>6.1%}  along {len(rest)} more"


def _columns(made: Plan) -> Iterable[str]:
    copied = {t.table for t in made.tables if t.rows}
    masked = [c for c in made.columns if c.codomain != "same" and c.column.rpartition(".")[0] in copied]
    yield f"  masked columns ({len(masked)} of {len(made.columns)} decided)"
    width = max((len(c.column) for c in masked), default=0)
    for c in masked:
        note = (
            f"like {c.inherited_from}"
            if c.inherited_from
            else ("by type: nobody decided" if c.origin == "unclassified" else "")
        )
        yield f"    {c.column:<{width}}  {c.mask:<14} {c.codomain:<12} {note}".rstrip()


def created(made: Created, verb: str) -> str:
    """What `create` and `refresh` say in the end."""
    lines = [
        f"{verb}: database {made.plan.database} on {made.plan.target}",
        f"  {made.rows:,} rows in {sum(1 for t in made.plan.tables if t.rows)} tables, {size(made.bytes)}, {made.seconds:.1f} s",
        f"  manifest: {made.manifest_path}",
        *(f"  lost: {item}" for item in made.lost),
        *(f"  left out: {item}" for item in made.manifest.document["left_out"]),
        *(f"  warning: {item}" for item in made.plan.warnings),
        verification(made.verification, made.plan.database),
    ]
    return "\n".join(lines)


def created_as_dict(made: Created) -> dict[str, Any]:
    """The same for `--json`."""
    return {
        "database": made.plan.database,
        "target": made.plan.target,
        "rows": made.rows,
        "bytes": made.bytes,
        "seconds": round(made.seconds, 3),
        "lost": list(made.lost),
        "manifest": str(made.manifest_path),
        "verification": made.verification.as_dict(),
        "plan": made.plan.as_dict(),
    }


def exported(made: Exported) -> str:
    """What `create --to` says in the end."""
    lines = [
        f"written: {made.destination} ({made.format})",
        f"  {made.rows:,} rows of {made.tables} tables in {made.files} files, {size(made.bytes)}, {made.seconds:.1f} s",
        "  every file was read back and compared with the verified copy",
        f"  manifest: {made.manifest_path}",
        *(f"  left out: {item}" for item in made.document["run"]["left_out"]),
        *(f"  left out of the files: {item}" for item in made.document["left_out"]),
        *(f"  warning: {item}" for item in (*made.plan.warnings, *made.warnings)),
        verification(made.verification, "the copy"),
    ]
    return "\n".join(lines)


def exported_as_dict(made: Exported) -> dict[str, Any]:
    """The same for `--json`."""
    return {
        "destination": made.destination,
        "format": made.format,
        "tables": made.tables,
        "rows": made.rows,
        "files": made.files,
        "bytes": made.bytes,
        "seconds": round(made.seconds, 3),
        "manifest": str(made.manifest_path),
        "warnings": list(made.warnings),
        "left_out": made.document["left_out"],
        "verification": made.verification.as_dict(),
        "plan": made.plan.as_dict(),
    }


def verification(found: Verification, database: str) -> str:
    """Both reports in a few lines: what was checked, what was found, what was not looked at."""
    lines = [
        f"verified: {database} {'passed' if found.passed else 'FAILED'} ({found.headline})",
        f"  whole: {', '.join(_counts(found.integrity.coverage))}",
    ]
    if found.leaks is not None:
        lines.append(_searched(found.leaks))
    lines += [f"  problem: {problem}" for problem in found.problems]
    lines += [f"  {check.detail}" for check in found.integrity.problems if check.status.value == "extra"]
    lines += _apart(found.leaks) if found.leaks is not None else []
    return "\n".join(lines)


def _searched(leaks: LeakReport) -> str:
    coverage = leaks.coverage
    searched = sum(test.searched for test in leaks.tests)
    fresh = sum(test.test == "absence" for test in leaks.tests)
    return (
        f"  leaks: {coverage.columns} of {coverage.columns_of} columns searched, {coverage.rows:,} rows, "
        f"{coverage.cells:,} cells, {size(coverage.bytes)}, {coverage.texts} texts of the catalog, "
        f"for {searched:,} values of {fresh} columns"
    )


def _apart(leaks: LeakReport) -> Iterable[str]:
    for finding in leaks.findings:
        if finding.verdict.value != "leak":
            yield f"  {finding.verdict.value}: {finding.values} values of {finding.origin} also in {finding.place}"
    untested = [str(t.column) for t in leaks.tests if t.status == "not tested"]
    if untested:
        yield f"  absence cannot be tested, and rows were not comparable: {_some(untested)}"


def _counts(coverage: Mapping[str, Mapping[str, int]]) -> Iterable[str]:
    """`36 foreign keys ok`; what is not ok is counted apart."""
    for kind, by_status in coverage.items():
        total = sum(by_status.values())
        name = (
            kind
            if total == 1
            else f"{kind[:-1]}ies"
            if kind.endswith("y") and kind[-2] not in "aeou"
            else f"{kind}s"
        )
        rest = ", ".join(f"{n} {status}" for status, n in by_status.items() if n and status != "ok")
        yield f"{total} {name} ok" if not rest else f"{total} {name} ({by_status.get('ok', 0)} ok, {rest})"


def added(result: Added) -> str:
    """What `add` says in the end."""
    lines = [f"added to {result.database}: {sum(result.inserted.values()):,} rows, {result.seconds:.1f} s"]
    lines += [
        f"  {name}: {n:,} added, {result.present.get(name, 0):,} already there"
        for name, n in sorted(result.inserted.items())
        if n or result.present.get(name, 0)
    ]
    lines += [f"  warning: {item}" for item in result.warnings]
    lines += [f"  manifest: {result.manifest_path}", verification(result.verification, result.database)]
    return "\n".join(lines)


def scrubbed(done: Scrubbed) -> str:
    """What `scrub` says in the end, and what it cannot reach."""
    leaks = done.verification["leaks"]["coverage"]
    lines = [
        f"scrubbed: database {done.database} of {done.connection}"
        + (", begun by an earlier run" if done.continued else ""),
        f"  {sum(done.rewritten.values()):,} rows in {len(done.rewritten)} tables masked, {done.seconds:.1f} s",
        (
            f"  proven against the originals, which are gone now: {leaks['columns']} of {leaks['columns_of']} columns "
            f"searched, {leaks['rows']:,} rows, {leaks['texts']} texts of the catalog"
        ),
        f"  manifest: {done.manifest_path}",
    ]
    if done.emptied:
        lines.append(f"  emptied: {_some([*done.emptied])}")
    if done.large_objects:
        lines.append(f"  dropped: {done.large_objects} large objects")
    lines += [f"  left out: {item}" for item in done.left_out]
    lines += [f"  left empty: the materialised view {n}: {what}" for n, what in done.left_empty.items()]
    lines += [f"  warning: {item}" for item in done.warnings]
    lines += [f"  out of reach: {item}" for item in done.out_of_reach]
    return "\n".join(lines)


def why(found: Why) -> str:
    if not found.included:
        lines = [f"{found.row} is not in the subset: {found.reason}"]
    elif found.steps:
        lines = [f"{found.row} is in the subset because"]
    else:
        lines = [f"{found.row} is in the copy's rules: {found.reason}"]
    lines += [f"  {'  ' * depth}{step}" for depth, step in enumerate(found.steps)]
    lines.append(found.copy)
    return "\n".join(lines)


def listing(found: list[Listed], *, drift: bool) -> None:
    """A table on stdout; with a column more where production was asked for its `drift`."""
    from penstock.devdb.durations import in_words

    table(
        [
            (
                item.name,
                item.database,
                item.state,
                f"{item.rows:,}" if item.state == "ready" else "",
                size(item.size_bytes) if item.size_bytes else "",
                item.created_at,
                "" if item.age_seconds is None else in_words(timedelta(seconds=item.age_seconds)),
                item.owner,
                item.key_fingerprint[:_OF_FINGERPRINT],
                *([f"{item.drift:,}" if item.drift is not None else ""] if drift else []),
                "; ".join(_notes(item)),
            )
            for item in found
        ],
        (
            "NAME", "DATABASE", "STATE", "ROWS", "SIZE", "CREATED", "AGE", "OWNER", "KEY", *(["DRIFT"] if drift else []), "NOTE",
        ),
        right=(3, 4, 6, *([9] if drift else [])),
    )  # fmt: skip


def _notes(item: Listed) -> Iterable[str]:
    if item.problem:
        yield item.problem
    if item.key_matches is False:
        yield "made with another key"
    if item.expired:
        yield f"expired {item.expires_at[:10]}"
    if item.drift:
        yield f"production's schema differs: penstock dev drift {item.spoken}"
    if item.debris:
        yield f"left by interrupted runs, the next one removes it: {_some([*item.debris])}"
    if item.strangers:
        yield f"named like a build but not ours, left as it is: {_some([*item.strangers])}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
