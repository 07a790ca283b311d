"""`dev scrub`, from the guards to the manifest: a list of steps, each committed with the note that it is done.

begin        close the database; note who could connect, and a digest of its structure
set aside    copy the originals of each table that changes
detach       foreign keys, triggers, rows of materialised views, large objects
rewrite      per table: new files, filled through the masks; sequences go on beyond the masked keys
attach       foreign keys, triggers, materialised views
prove        the whole database against the originals
traces       drop the originals; new files for what no mask rewrote, and for the statistics
(end)        manifest, rights, comment; the notes go
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from penstock.catalog.model import TableName
from penstock.devdb import debris, drift, manifest
from penstock.devdb.building.derived import fill_views
from penstock.devdb.building.sequences import set_sequences
from penstock.devdb.config import DevdbSettings
from penstock.devdb.progress import Progress, note
from penstock.devdb.scrub import aside, closing, detached, guards, proof, restart, traces
from penstock.devdb.scrub.beginning import begin
from penstock.devdb.scrub.identity import require_not_a_source
from penstock.devdb.scrub.request import Request, Scrubbed
from penstock.devdb.scrub.state import ASIDE, State
from penstock.devdb.scrub.work import Wish, Work, plan_of
from penstock.engines.postgres.session import Session
from penstock.errors import Finding, PenstockError
from penstock.masks.keys import Keyring
from penstock.policy import registry_file
from penstock.project.connections import ConnectionSettings
from penstock.project.key import parse_key
from penstock.project.settings import ProjectSettings

_TRANSACTION_TIMEOUT_SINCE = 17
# A limit meant for applications must not cut it in the middle; a lock is another matter.
_LIMITS_SQL = (
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '60s'; "
    "SET default_transaction_read_only = off"
)


def scrub(project: ProjectSettings, request: Request, progress: Progress) -> Scrubbed:
    """Mask the database of a connection in place.

    Raises a `Refused` before anything is written, a `Finding` when the proof found something (the database stays closed,
    the originals stay), a `DatabaseError` when the server failed; the same call goes on where it was.
    """
    target = project.only_connection("target", request.connection)
    guards.require_confirmed(target, request.confirm)
    manifest.require_folder(project.state_dir)
    wish = _wish(project, request)
    with _session(target) as session, debris.build_lock(session, session.database):
        newest = session.connection.get_server_version().major >= _TRANSACTION_TIMEOUT_SINCE
        session.execute(_LIMITS_SQL + ("; SET transaction_timeout = 0" if newest else ""))
        guards.require_primary(session)
        require_not_a_source(project, session)
        run = _Run(project, target, session, request, wish, progress)
        try:
            return run.run()
        except BaseException as error:
            said = isinstance(error, PenstockError) and request.command in error.hint
            if run.state.is_under_way and not said:
                note(progress, f"{session.database} stays closed until this has ended: {request.command}")
            raise


def _wish(project: ProjectSettings, request: Request) -> Wish:
    name = request.as_name
    settings = project.section("devdb", name) if name else DevdbSettings()
    return Wish(
        project.name,
        name or request.connection,
        settings,
        Keyring(parse_key(project.key())),
        registry_file.load(project.masks_path),
        f"penstock masks check --for {name}" if name else "penstock masks check",
    )


@contextmanager
def _session(target: ConnectionSettings, *, read_only: bool = False) -> Iterator[Session]:
    with Session.open(target, read_only=read_only, application_name="penstock dev scrub") as session:
        yield session


class _Run:
    """One run of a scrub; `state` says what earlier ones did."""

    def __init__(
        self,
        project: ProjectSettings,
        target: ConnectionSettings,
        session: Session,
        request: Request,
        wish: Wish,
        progress: Progress,
    ) -> None:
        self.project = project
        self.target = target
        self.session = session
        self.request = request
        self.wish = wish
        self.progress = progress
        self.state = State(session)
        self.continued = self.state.is_under_way
        self.started = time.monotonic()

    def run(self) -> Scrubbed:
        session, state = self.session, self.state
        guards.require_maskable(session, state)
        begun = state.steps.get("begin", {})
        dropping = self.request.drop_large_objects or begun.get("drop_large_objects", False)
        guards.require_no_large_objects(session, self.request.command, drop=dropping)
        self._require_alone()
        work = begin(session, state, self.wish, self.request, self.progress)
        self._require_alone()  # who came while it was being closed
        names = self._set_aside(work)
        self._step("detach", lambda: detached.detach(session, work))
        self._step("large objects", lambda: {"count": traces.drop_large_objects(session)}, atomic=False)
        for name in work.touched:
            self._rewrite(work, name, names)
        self._step("sequences", lambda: set_sequences(work.catalog, session, session), atomic=False)
        off = state.steps["detach"]
        for key in off["keys"]:
            self._step(f"attach {key['table']} {key['name']}", lambda k=key: detached.attach_key(session, k))  # type: ignore[misc]
        self._step("triggers", lambda: detached.enable_triggers(session, off))
        views = {TableName(*view) for view in off["views"]}
        all_views = {t.name for t in work.catalog if t.kind == "materialized view"}
        self._step("materialised views", lambda: fill_views(session, all_views - views), atomic=False)
        self._prove(work, names)
        self._step("drop originals", lambda: session.execute(f"DROP SCHEMA {ASIDE} CASCADE"))
        if self.request.vacuum == "full":
            for name in traces.not_rewritten(work):
                self._step(f"vacuum {name}", lambda n=name: traces.rewrite(session, n), atomic=False)  # type: ignore[misc]
        self._step("statistics", lambda: traces.renew_statistics(session), atomic=False)
        return self._end(work)

    def _step(self, step: str, act: Callable[[], Any], *, atomic: bool = True) -> None:
        """Act once, and note it; what is not atomic can be done twice."""
        if self.state.has(step):
            return
        task = step.partition(" ")[0] if step.startswith(("attach", "vacuum")) else step
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

    # the tables

    def _set_aside(self, work: Work) -> Mapping[TableName, TableName]:
        """Copy the originals; where each is."""
        names: dict[TableName, TableName] = {}
        taken = {document["there"] for document in restart.set_aside(self.state).values()}
        free = (f"t{number}" for number in itertools.count(1) if f"t{number}" not in taken)
        for name in work.rewritten:
            step = f"set aside {name}"
            if not self.state.has(step):
                table, there = work.catalog.tables[name], next(free)
                self._step(
                    step,
                    lambda t=table, n=there: {  # type: ignore[misc]
                        "rows": aside.set_aside(self.session, t, TableName(ASIDE, n)),
                        "there": n,
                        "table": [*t.name],
                    },
                )
            names[name] = TableName(ASIDE, self.state.steps[step]["there"])
        return names

    def _rewrite(self, work: Work, name: TableName, names: Mapping[TableName, TableName]) -> None:
        step, session = f"rewrite {name}", self.session
        if self.state.has(step):
            return
        if name not in names:
            self._step(step, lambda: traces.empty(session, work.catalog, name))
            return
        expected = self.state.steps[f"set aside {name}"]["rows"]
        self.progress.start(str(name), expected)
        with _session(self.target, read_only=True) as reader, session.transaction():
            aside.empty(session, work.catalog, name)
            reader.begin_snapshot()
            rows = aside.fill(
                reader, session, work, name, names, lambda r, b: self.progress.advance(str(name), r, b)
            )
            aside.require_same(name, expected, rows)
            self.state.done(step, rows=rows)
        self.progress.finish(str(name))

    # the end

    def _prove(self, work: Work, names: Mapping[TableName, TableName]) -> None:
        if self.state.has("prove"):
            return
        off = self.state.steps["detach"]
        self.progress.start("verify")
        with _session(self.target, read_only=True) as reader:
            reader.begin_snapshot()
            found = proof.prove(
                self.session,
                reader,
                work,
                names,
                self._counts(work, reader),
                self.state.steps["begin"],
                off["known"],
                self.progress,
            )
        self.progress.finish("verify")
        if not found.passed:
            raise Finding(
                f"the verification of {self.session.database} failed: {found.headline}",
                why="; ".join(found.problems[:8]),
                hint="mask the columns named, or list what you accept in `acknowledged` of a [devdb.NAME] (--as NAME), and "
                f"mask the originals again: {self.request.command} --start-over",
            )
        with self.session.transaction():
            self.state.done("prove", verification=found.as_dict())

    def _counts(self, work: Work, reader: Session) -> Mapping[TableName, int]:
        """How many rows every table is to have: as many as were set aside, or as it has (nobody touched it)."""
        counts = dict.fromkeys(work.emptied, 0)
        for name in work.catalog.leaves:
            if name in work.rewritten:
                counts[name] = self.state.steps[f"set aside {name}"]["rows"]
            elif name not in counts:
                only = "" if work.catalog.tables[name].kind == "partitioned" else "ONLY "
                counts[name] = reader.fetchval(f"SELECT count(*) FROM {only}{name.sql}")
        return counts

    def _end(self, work: Work) -> Scrubbed:
        session, steps = self.session, self.state.steps
        begun, off, proved = steps["begin"], steps["detach"], steps["prove"]
        rows = {name: steps[f"rewrite {name}"]["rows"] for name in work.rewritten}
        left_empty = {str(k): str(v) for k, v in off["left_empty"].items()}
        out_of_reach: tuple[str, ...] = traces.OUT_OF_REACH
        if self.request.vacuum != "full":
            out_of_reach = (*out_of_reach, "dead rows and dropped columns of tables that no mask rewrote")
        plan = plan_of(work, self.wish, self.target.describe(), self.target.describe(), rows)
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
            left_out=[f"rows of the materialised view {name}: {what}" for name, what in left_empty.items()],
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
            large_objects=steps["large objects"]["count"],
            continued=self.continued,
            warnings=tuple(begun["warnings"]),
            out_of_reach=out_of_reach,
            seconds=time.monotonic() - self.started,
            manifest_path=manifest.save(made, self.project.state_dir),
            verification=proved["verification"],
        )
