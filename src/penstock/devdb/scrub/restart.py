"""Masking the originals once more, by other rules: after a proof that found something, or a change of mind half-way.

What is set aside is what the tables held, so nothing is lost by it, but what was emptied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.catalog.model import TableName
from penstock.devdb.scrub import detached, proof, steps
from penstock.devdb.scrub.state import ASIDE, State
from penstock.devdb.scrub.work import Work
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused


def set_aside(state: State) -> Mapping[TableName, Mapping[str, Any]]:
    """The tables whose originals are set aside, with what was noted of each."""
    found = [document for step, document in state.steps.items() if steps.is_set_aside(step)]
    return {TableName(*document["table"]): document for document in found}


def start_over(
    session: Session, state: State, work: Work, rules: Mapping[str, Any], *, has_real: bool
) -> None:
    """Have all tables masked again that were, and what the new rules mask besides. Part of the caller's transaction."""
    if has_real:
        raise TargetRefused(
            "rows that stay real cannot be found again where they are masked",
            why="the rules changed, and with them what may be real",
            hint="restore the snapshot again and scrub that",
        )
    for name in work.rewritten:
        if state.has(steps.rewrite(name)) and not state.has(steps.set_aside(name)):
            raise TargetRefused(
                f"{name} was emptied by the rules before, and by the new ones it is not",
                why="its rows are gone",
                hint="leave it in `empty` or `skip`, or restore the snapshot again and scrub that",
            )
    for name, document in set_aside(state).items():
        if name in work.emptied:
            session.execute(f"DROP TABLE {TableName(ASIDE, document['there']).sql}")
            state.forget(steps.set_aside(name))
    begun, before = state.steps[steps.BEGIN], state.steps.get(steps.DETACH)
    if state.has(steps.WHOLE):  # all is back, and what is otherwise since is so on purpose
        begun = {**begun, "structure": proof.structure(session)}
        before = {**before, "rules": [], "keys": [], "triggers": []} if before else None
    state.forget(steps.BEGIN, steps.DETACH, *steps.after_detaching([*state.steps]))
    state.done(steps.BEGIN, **{**begun, **rules, "warnings": list(work.warnings)})
    if before is not None:
        state.done(steps.DETACH, **_both(before, detached.detach(session, work)))


def _both(before: Mapping[str, Any], now: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was remembered first is how it was; what is detached now comes to it."""
    keys = {(key["table"], key["name"]): key for key in (*now["keys"], *before["keys"])}
    triggers = {(t["schema"], t["table"], t["name"]): t for t in (*now["triggers"], *before["triggers"])}
    rules = {(r["schema"], r["table"], r["name"]): r for r in (*now["rules"], *before["rules"])}
    return {
        **before,
        "rules": [rules[at] for at in sorted(rules)],
        "keys": [keys[at] for at in sorted(keys)],
        "triggers": [triggers[at] for at in sorted(triggers)],
        "views": sorted(map(list, {tuple(view) for view in (*before["views"], *now["views"])})),
        "edges": now["edges"],
    }
