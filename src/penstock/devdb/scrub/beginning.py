"""A scrub is begun once: the database disarmed, what is to be done decided, the database closed, in one transaction. Every
further run sees that it goes on by the same rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from penstock.catalog.model import ColumnName
from penstock.devdb import manifest
from penstock.devdb.disarm import in_place
from penstock.devdb.progress import Progress, note
from penstock.devdb.scrub import aside, beforehand, closing, detached, guards, proof, restart, steps
from penstock.devdb.scrub.request import Request
from penstock.devdb.scrub.state import State
from penstock.devdb.scrub.work import Wish, Work, decide, plan_of
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused


def begin(session: Session, state: State, wish: Wish, request: Request, progress: Progress) -> Work:
    """What is to be done. The database is closed afterwards. Raises a `Refused` where it cannot or must not be done."""
    if state.is_under_way:
        return _go_on(session, state, wish, request)
    with session.transaction():
        left_out = in_place.disarm(session, wish.settings)
        work = decide(session, wish, None, None)
        armed = list(in_place.warnings(session, work.catalog, work.emptied, wish.settings, request.section))
        guards.require_rights(session, work.catalog, work.touched)
        guards.require_fillable(
            session, [leaf for name in work.rewritten for leaf in work.catalog.leaves[name]]
        )
        detached.require_switchable(session, [table.oid for table in work.tree(work.touched)])
        beforehand.require_whole_keys(session, work)
        beforehand.require_no_quotes(session, work, request, progress)
        state.create()
        aside.keep_real(session, work.real_values)
        doors = closing.doors(session)
        closing.close(session, doors)
        state.done(
            steps.BEGIN,
            **_rules(work, wish),
            real=list(manifest.without_literals(list(work.real))),
            warnings=list(work.warnings),
            armed=armed,
            disarm=wish.settings.disarm,
            left_out=list(map(str, left_out)),
            structure=proof.structure(session),
            drop_large_objects=request.drop_large_objects,
            **doors,
        )
        in_place.drop_subscriptions(session)
    for text in (*work.warnings, *armed):
        note(progress, f"warning: {text}")
    size = sum(table.heap_bytes for table in work.tree(work.rewritten))
    note(
        progress,
        f"{session.database} is closed until it is scrubbed; "
        f"the originals set aside take about {size / 1e6:,.0f} MB until the proof has passed",
    )
    return work


def _go_on(session: Session, state: State, wish: Wish, request: Request) -> Work:
    begun = state.steps[steps.BEGIN]
    with session.transaction():
        there = not state.has(steps.DROP_ORIGINALS)
        real = aside.kept_real(session) if there else {}
        also = frozenset(restart.set_aside(state))
        work = decide(session, wish, state.steps.get(steps.DETACH), real, tuple(begun["real"]), also)
        rules = _rules(work, wish)
        if begun["rules_hash"] == rules["rules_hash"] or _only_dropped(
            session, state, work, wish, rules, request
        ):
            return work
        if not there or not request.start_over:
            back = "put masks.toml, penstock.toml and the key back"
            raise TargetRefused(
                f"the scrub of {session.database} was begun with other rules, another key or another version",
                why="half of its tables would have other pseudonyms",
                hint=f"{back}; or mask the originals by the new rules: {request.command} --start-over"
                if there
                else f"{back}, and go on with it: {request.command}",
            )
        if wish.settings.disarm and not begun["disarm"]:
            raise TargetRefused(
                f"the scrub of {session.database} was begun with disarm = false",
                why="what is switched off is so from the beginning: the proof compares with that",
                hint=f"put disarm = false back and go on with it: {request.command} --start-over; or restore the snapshot again",
            )
        guards.require_rights(session, work.catalog, work.touched)
        guards.require_fillable(
            session, [leaf for name in work.rewritten for leaf in work.catalog.leaves[name]]
        )
        restart.start_over(session, state, work, rules, has_real=bool(wish.settings.real))
    return work


def _rules(work: Work, wish: Wish) -> Mapping[str, Any]:
    """What tells the rules from others, and, column by column, what of them went with a column that was dropped."""
    plan = plan_of(work, wish, "", "", {})
    kept = {str(name) for name, decision in work.policy.decisions.items() if decision.keeps}
    kept -= {str(ColumnName(table, column)) for table, columns in work.nulled.items() for column in columns}
    return {
        "rules_hash": plan.rules_hash,
        "other_rules_hash": dataclasses.replace(plan, columns=()).rules_hash,
        "columns": {
            column.column: [
                dataclasses.replace(plan, columns=(column,)).rules_hash,
                column.column not in kept,
            ]
            for column in plan.columns
        },
    }


def _only_dropped(
    session: Session, state: State, work: Work, wish: Wish, rules: Mapping[str, Any], request: Request
) -> bool:
    """Whether the rules differ only in columns that somebody dropped after all was masked, as a finding may have asked for.
    Raises `TargetRefused` where one was masked: its values are to be looked for in the rest of the database."""
    before = state.steps[steps.BEGIN]
    if not (state.has(steps.WHOLE) or state.has(steps.PROVE)):
        return False
    there = {str(ColumnName(table.name, c.name)) for table in work.catalog for c in table.columns}
    gone = {name: rule for name, rule in before["columns"].items() if name not in there}
    left = {name: rule for name, rule in before["columns"].items() if name in there}
    if not gone or left != rules["columns"] or before["other_rules_hash"] != rules["other_rules_hash"]:
        return False
    masked = sorted(name for name, (_, is_masked) in gone.items() if is_masked)
    if masked and request.start_over:
        return False
    if masked and not state.has(steps.PROVE):
        more = f" and {len(masked) - 1} more columns" if len(masked) > 1 else ""
        again = (
            ""
            if wish.settings.real
            else f"mask the originals again without it: {request.command} --start-over; or "
        )
        raise TargetRefused(
            f"{masked[0]}{more} of {session.database}, which the scrub masked, is there no more",
            why="what it held is looked for in the rest of the database, and that needs its rules",
            hint=f"{again}restore the snapshot again, drop it there, and scrub that",
        )
    return True
