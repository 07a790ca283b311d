"""`dev scrub`, from the guards to the manifest: a list of steps, each committed with the note that it is done.

begin        disarm the database and close it; note who could connect, and a digest of its structure
set aside    copy the originals of each table that changes
detach       foreign keys, triggers, rules, rows of materialised views, large objects
rewrite      per table: new files, filled through the masks; sequences go on beyond the masked keys
attach       foreign keys, triggers, rules, materialised views
prove        the whole database against the originals
traces       drop the originals; new files for what no mask rewrote, for statistics and catalogs
(end)        manifest, rights, comment; the notes go

What is done table by table a crew shares (`tables.py`); `steps.py` has the names.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from penstock.catalog.model import TableName
from penstock.devdb import debris, drift, manifest
from penstock.devdb.building.derived import fill_views
from penstock.devdb.building.sequences import set_sequences
from penstock.devdb.config import DevdbSettings
from penstock.devdb.progress import Progress, note
from penstock.devdb.scrub import closing, detached, guards, orphans, proof, statements, steps, tables, traces
from penstock.devdb.scrub.beginning import begin
from penstock.devdb.scrub.crew import Station, crew, station
from penstock.devdb.scrub.identity import require_not_a_source
from penstock.devdb.scrub.request import Request, Scrubbed
from penstock.devdb.scrub.state import ASIDE, State
from penstock.devdb.scrub.work import Wish, Work, plan_of
from penstock.devdb.verify import Verification
from penstock.engines.postgres.session import Session
from penstock.errors import Finding, PenstockError
from penstock.masks.keys import Keyring
from penstock.policy import registry_file
from penstock.project.key import parse_key
from penstock.project.settings import ProjectSettings
from penstock.runs.items import Crew


def scrub(project: ProjectSettings, request: Request, progress: Progress) -> Scrubbed:
    """Mask the database of a connection in place.

    Raises a `Refused` before anything is written, a `Finding` when the proof found something (the database stays closed,
    the originals stay), a `DatabaseError` when the server failed; the same call goes on where it was.
    """
    target = project.only_connection("target", request.connection)
    guards.require_confirmed(target, request.confirm)
    manifest.require_folder(project.state_dir)
    wish = _wish(project, request)
    busy = guards.is_scrubbed_elsewhere(target.dbname, request.command)
    with station(target) as here, debris.build_lock(here.session, here.session.database, busy):
        session = here.session
        guards.require_primary(session)
        require_not_a_source(project, session)
        run = _Run(project, here, request, wish, progress)
        try:
            return run.run()
        except BaseException as error:
            said = isinstance(error, PenstockError) and request.command in error.hint
            if run.state.is_under_way and not said:
                note(progress, f"{session.database} stays closed until this has ended: {request.command}")
            raise


def _wish(project: ProjectSettings, request: Request) -> Wish:
    name = request.rules_of
    settings = project.section("devdb", name) if name else DevdbSettings()
    return Wish(
        project.name,
        name or request.connection,
        settings,
        Keyring(parse_key(project.key())),
        registry_file.load(project.masks_path),
        f"penstock masks check --for {name}" if name else "penstock masks check",
    )


class _Run:
    """One run of a scrub; `state` says what earlier ones did."""

    def __init__(
        self,
        project: ProjectSettings,
        here: Station,
        request: Request,
        wish: Wish,
        progress: Progress,
    ) -> None:
        self.project = project
        self.here = here
        self.session = here.session
        self.request = request
        self.wish = wish
        self.progress = progress
        self.state = State(self.session)
        self.continued = self.state.is_under_way
        self.started = time.monotonic()

    def run(self) -> Scrubbed:
        guards.require_maskable(self.session, self.state)
        begun = self.state.steps.get(steps.BEGIN, {})
        dropping = self.request.drop_large_objects or begun.get("drop_large_objects", False)
        guards.require_no_large_objects(self.session, self.request.command, drop=dropping)
        self._require_alone()
        self.state = State(self.session)  # a worker of a killed run may have noted its last step until now
        work = begin(self.session, self.state, self.wish, self.request, self.progress)
        self._require_alone()  # who came while it was being closed
        size = sum(table.heap_bytes for table in work.catalog if table.holds_rows)
        with crew(self.project, self.here, self.wish.keys, self.request.jobs, size, self.progress) as workers:
            names = tables.set_aside(self.state, workers, work, self.progress)
            self._mask(workers, work, names)
            self._prove(work, names)
            self._step(steps.DROP_ORIGINALS, lambda: self.session.execute(f"DROP SCHEMA {ASIDE} CASCADE"))
            if self.request.vacuum != "none":
                full = self.request.vacuum == "full"
                tables.vacuum(self.state, workers, work, self.progress, full=full)
        shared = self._was_in_shared_catalogs()
        self._step(steps.CATALOGS, lambda: traces.renew_catalogs(self.session, shared=shared), atomic=False)
        sees_files = orphans.may_look(self.session)
        if sees_files:
            orphans.require_none(self.session)
        unseen = () if sees_files else (orphans.UNSEEN,)
        return self._end(work, (*unseen, *statements.forget(self.session)))

    def _mask(self, workers: Crew, work: Work, names: Mapping[TableName, TableName]) -> None:
        """From the first key that is taken away to the last materialised view that is filled."""
        session, state = self.session, self.state
        self._step(steps.DETACH, lambda: detached.detach(session, work))
        self._step(steps.LARGE_OBJECTS, lambda: {"count": traces.drop_large_objects(session)}, atomic=False)
        tables.rewrite(state, self.here, workers, work, names, self.progress)
        self._step(steps.SEQUENCES, lambda: self._set_sequences(work), atomic=False)
        off = state.steps[steps.DETACH]
        for key in off["keys"]:
            self._step(steps.attach(key["table"], key["name"]), lambda k=key: detached.attach_key(session, k))  # type: ignore[misc]
        self._step(steps.ARM, lambda: detached.arm(session, off))
        views = {TableName(*view) for view in off["views"]}
        all_views = {t.name for t in work.catalog if t.kind == "materialized view"}
        self._step(steps.VIEWS, lambda: fill_views(session, all_views - views), atomic=False)

    def _was_in_shared_catalogs(self) -> bool:
        """Whether a subscription was dropped, or a comment of the database changed for a finding."""
        begun = self.state.steps[steps.BEGIN]
        dropped = any(text.startswith("subscription ") for text in begun["left_out"])
        return dropped or closing.comment_of(self.session, begun) != begun["comment"]

    def _set_sequences(self, work: Work) -> None:
        for warning in set_sequences(work.catalog, self.session, self.session, work.policy):
            note(self.progress, f"warning: {warning}")

    def _step(self, step: str, act: Callable[[], Any], *, atomic: bool = True) -> None:
        """Act once, and note it; what is not atomic can be done twice."""
        if self.state.has(step):
            return
        task = "foreign keys" if steps.is_attach(step) else step
        self.progress.start(task)
        if not atomic:
            found = act()
        with self.session.transaction():
            if atomic:
                found = act()
            self.state.done(step, **(found if isinstance(found, Mapping) else {}))
        self.progress.finish(task)

    def _require_alone(self) -> None:
        own = [self.session.connection.get_server_pid()]
        guards.require_alone(self.session, own, self.request.command, end=self.request.end_sessions)

    # the end

    def _prove(self, work: Work, names: Mapping[TableName, TableName]) -> None:
        if self.state.has(steps.PROVE):
            return
        off = self.state.steps[steps.DETACH]
        self.progress.start("verify")
        with self.here.reader() as reader:
            reader.begin_snapshot()
            found = proof.prove(
                self.session,
                reader,
                work,
                names,
                self._counts(work, reader),
                self.state.steps[steps.BEGIN],
                off["known"],
                self.progress,
                was_whole=self.state.has(steps.WHOLE),
            )
        self.progress.finish("verify")
        if not found.passed:
            if proof.is_whole(found) and not self.state.has(steps.WHOLE):
                self.state.commit(steps.WHOLE)
            raise Finding(
                f"the verification of {self.session.database} failed: {found.headline}",
                problems=found.problems,
                hint=_what_to_do(found, self.request.command),
            )
        self.state.commit(steps.PROVE, verification=found.as_dict())

    def _counts(self, work: Work, reader: Session) -> Mapping[TableName, int]:
        """How many rows every table is to have: as many as were set aside, or as it has (nobody touched it)."""
        counts = dict.fromkeys(work.emptied, 0)
        for name in work.catalog.leaves:
            if name in work.rewritten:
                counts[name] = self.state.steps[steps.set_aside(name)]["rows"]
            elif name not in counts:
                only = "" if work.catalog.tables[name].kind == "partitioned" else "ONLY "
                counts[name] = reader.fetchval(f"SELECT count(*) FROM {only}{name.sql}")
        return counts

    def _end(self, work: Work, unseen: tuple[str, ...]) -> Scrubbed:
        session, done, target = self.session, self.state.steps, self.here.target.describe()
        begun, off, proved = done[steps.BEGIN], done[steps.DETACH], done[steps.PROVE]
        rows = {name: done[steps.rewrite(name)]["rows"] for name in work.rewritten}
        left_empty = {str(k): str(v) for k, v in off["left_empty"].items()}
        out_of_reach: tuple[str, ...] = (*traces.OUT_OF_REACH, *unseen)
        if self.request.vacuum != "full":
            out_of_reach = (*out_of_reach, "dead rows and dropped columns of tables that no mask rewrote")
        plan = plan_of(work, self.wish, target, target, rows)
        made = manifest.make(
            secrets.token_hex(6),
            "scrub",
            plan,
            project=self.project.name,
            made_from=drift.shape_of(work.catalog, frozenset()),
            source_identity={
                "system_identifier": work.catalog.facts.system_identifier,
                "database_oid": work.catalog.facts.database_oid,
                "server_version": work.catalog.facts.server_version,
            },
            verification=proved["verification"],
            left_out=[
                *begun["left_out"],
                *(f"rows of the materialised view {name}: {what}" for name, what in left_empty.items()),
            ],
            seconds=time.monotonic() - self.started,
        )
        with session.transaction():
            manifest.write(session, made)
            closing.reopen(session, begun)
            self.state.remove()
        return Scrubbed(
            connection=self.request.connection,
            database=session.database,
            rewritten={str(name): n for name, n in rows.items()},
            emptied=tuple(map(str, work.emptied)),
            left_empty=left_empty,
            left_out=tuple(begun["left_out"]),
            large_objects=done[steps.LARGE_OBJECTS]["count"],
            continued=self.continued,
            warnings=(*begun["warnings"], *begun["armed"]),
            out_of_reach=out_of_reach,
            seconds=time.monotonic() - self.started,
            manifest_path=manifest.save(made, self.project.state_dir),
            verification=proved["verification"],
        )


def _what_to_do(found: Verification, command: str) -> str:
    """What is not as it was comes first: nothing else helps while it is not."""
    if not proof.is_whole(found):
        return (
            "who changed the schema while the database was closed changes it back, and runs this again; or makes the "
            f"change in a copy restored again, and scrubs that: {command}"
        )
    return (
        "change or drop the texts and objects that are named (COMMENT ON DATABASE … IS …; for its comment; a table or column "
        "only if none of it is masked) and run this again; or mask the columns named, or list what you accept in "
        f"`acknowledged` of a [devdb.NAME] (--for NAME), and mask the originals again: {command} --start-over"
    )
