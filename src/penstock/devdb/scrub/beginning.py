"""A scrub is begun once: the database disarmed, what is to be done decided, the database closed, in one transaction. Every
further run sees that it goes on by the same rules."""

from __future__ import annotations

from penstock.devdb import manifest
from penstock.devdb.progress import Progress, note
from penstock.devdb.scrub import aside, beforehand, closing, detached, disarmed, guards, proof, restart, steps
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
        left_out = disarmed.disarm(session, wish.settings)
        work = decide(session, wish, None, None)
        armed = list(disarmed.warnings(session, work.catalog, work.emptied, wish.settings, request.section))
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
            rules_hash=_rules_hash(work, wish),
            real=list(manifest.without_literals(list(work.real))),
            warnings=list(work.warnings),
            armed=armed,
            disarm=wish.settings.disarm,
            left_out=list(map(str, left_out)),
            structure=proof.structure(session),
            drop_large_objects=request.drop_large_objects,
            **doors,
        )
        disarmed.drop_subscriptions(session)
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
        rules_hash = _rules_hash(work, wish)
        if begun["rules_hash"] == rules_hash:
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
        restart.start_over(session, state, work, rules_hash, has_real=bool(wish.settings.real))
    return work


def _rules_hash(work: Work, wish: Wish) -> str:
    return plan_of(work, wish, "", "", {}).rules_hash
