"""`DevDatabases`: what a project can do with its development databases, as part of `Project`.

Each method imports its job when it is called.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from penstock.devdb.progress import Progress, Silent
from penstock.project.settings import ProjectSettings

if TYPE_CHECKING:
    from penstock.devdb.add import Added
    from penstock.devdb.context import Context
    from penstock.devdb.created import Created
    from penstock.devdb.drift import Drift
    from penstock.devdb.files.export import Exported, Format
    from penstock.devdb.inspect import Listed, Verified
    from penstock.devdb.labour import Vacuum
    from penstock.devdb.lifecycle.ci import Pipeline
    from penstock.devdb.lifecycle.copies import Copied
    from penstock.devdb.lifecycle.extras import Extras
    from penstock.devdb.lifecycle.listing import Due
    from penstock.devdb.lifecycle.reset import Reset, ResetOptions
    from penstock.devdb.lifecycle.rounds import Round
    from penstock.devdb.planning.plan import Plan
    from penstock.devdb.scrub.request import Scrubbed
    from penstock.devdb.why import Why


class DevDatabases:
    """The sections `[devdb.NAME]` of a project."""

    settings: ProjectSettings

    def plan_dev(self, name: str, *, vacuum: Vacuum | None = None, progress: Progress | None = None) -> Plan:
        """What `create_dev` would copy, and what of production or the rules it would refuse. Writes nothing, and looks
        at the target only where a prune starts from a database there (`from_database`).

        `vacuum`: how a prune will compact what it deletes from, which decides the cheapest way.
        """
        from penstock.devdb.labour import Labour
        from penstock.devdb.prepare import prepare

        context = self._context(name)
        Labour(vacuum=vacuum).require_use(context, planning=True)
        if context.settings.from_database:
            from penstock.devdb.prune.existing import plan_existing

            return plan_existing(context, progress or Silent(), vacuum=vacuum)
        with context.source_session() as source:
            return prepare(context, source, progress or Silent(), vacuum=vacuum).plan

    def create_dev(
        self,
        name: str,
        *,
        plan: Plan | None = None,
        jobs: int | None = None,
        vacuum: Vacuum | None = None,
        progress: Progress | None = None,
    ) -> Created:
        """Create the development database, verified, or leave nothing. `plan`: a saved one, whose rules are used.

        A clone or a prune is made by `jobs` workers (default: by cores; a clone by free connections
        too), and vacuumed afterwards as `vacuum` says: by default a clone not at all, what a prune deleted from fully.
        """
        from penstock.devdb.create import create
        from penstock.devdb.labour import Labour

        labour = Labour(jobs, vacuum)
        return create(self._context(name, plan), progress or Silent(), saved_plan=plan, labour=labour)

    def export_dev(
        self,
        name: str,
        to: str,
        *,
        format: Format = "parquet",  # noqa: A002 - the field's word for it
        replace: bool = False,
        plan: Plan | None = None,
        jobs: int | None = None,
        vacuum: Vacuum | None = None,
        progress: Progress | None = None,
    ) -> Exported:
        """Write the copy to files, verified and read back, or leave nothing. `to`: a folder, `s3://bucket/prefix`, or the
        name of a connection with the role lake. `replace`: over the data set that is there."""
        from penstock.devdb.files.export import export
        from penstock.devdb.labour import Labour
        from penstock.devdb.planning.plan import settings_from_dict

        return export(
            self.settings,
            name,
            to,
            progress or Silent(),
            format=format,
            replace=replace,
            saved_plan=plan,
            settings=settings_from_dict(plan.settings, name) if plan is not None else None,
            labour=Labour(jobs, vacuum),
        )

    def refresh_dev(
        self,
        name: str,
        *,
        plan: Plan | None = None,
        jobs: int | None = None,
        vacuum: Vacuum | None = None,
        progress: Progress | None = None,
    ) -> Created:
        """Rebuild the development database beside the old one and swap."""
        from penstock.devdb.labour import Labour
        from penstock.devdb.lifecycle.refresh import refresh

        labour = Labour(jobs, vacuum)
        return refresh(self._context(name, plan), progress or Silent(), saved_plan=plan, labour=labour)

    def add_dev(self, name: str, roots: Sequence[str], *, progress: Progress | None = None) -> Added:
        """Top up an existing copy: `roots` are `TABLE:WHERE`; what those rows need comes along."""
        from penstock.devdb.add import add

        return add(self._context(name), roots, progress or Silent())

    def verify_dev(self, name: str, *, progress: Progress | None = None) -> Verified:
        """Verify the existing copy again, against the source as it is now."""
        from penstock.devdb.inspect import verify_existing

        return verify_existing(self._context(name), progress or Silent())

    def why_dev(self, name: str, table: str, key: str, *, progress: Progress | None = None) -> Why:
        """The path by which a row came into the subset. Computes the closure again."""
        from penstock.devdb.why import why

        return why(self._context(name), table, key, progress or Silent())

    def list_dev(self, *, drift: bool = False) -> list[Listed]:
        """The development databases of the project, templates and their copies included, and what became of them.

        `drift` asks production how many things of its schema are different now.
        """
        from penstock.devdb.lifecycle.listing import databases_of

        names = self.settings.sections.get("devdb", {})
        return [item for name in names for item in databases_of(self._context(name), with_drift=drift)]

    def drop_dev(self, name: str, *, database: str | None = None, progress: Progress | None = None) -> None:
        """Remove the development database, or the copy of its template called `database`. Refuses one that Penstock did
        not make."""
        from penstock.devdb.dropping import drop

        drop(self._context(name, database=database), progress or Silent())

    def expired_dev(self, *names: str) -> list[Listed]:
        """The development databases that have outlived their `ttl` (default: of all sections)."""
        from penstock.devdb.lifecycle.listing import expired

        return [item for context in self._contexts(names) for item in expired(context)]

    def drop_expired_dev(
        self, *names: str, of: Collection[str] | None = None, progress: Progress | None = None
    ) -> Round[str]:
        """Remove the databases that have outlived their `ttl` (default: of all sections; `of`: of these databases only), and
        still have when their turn comes. What fails keeps no other from it."""
        from penstock.devdb.lifecycle.rounds import drop_expired

        return drop_expired(self._contexts(names), progress or Silent(), of=of)

    def database_dev(self, name: str) -> str:
        """What the database of `[devdb.NAME]` is called."""
        return self.settings.section("devdb", name).database or name

    # templates, and what becomes of copies

    def template_dev(
        self,
        name: str,
        *,
        plan: Plan | None = None,
        replace: bool = False,
        jobs: int | None = None,
        vacuum: Vacuum | None = None,
        progress: Progress | None = None,
    ) -> Created:
        """Create the database as a template to be copied; with `replace`, anew beside the one there is."""
        from penstock.devdb.labour import Labour
        from penstock.devdb.lifecycle.templates import create_template

        return create_template(
            self._context(name, plan),
            progress or Silent(),
            saved_plan=plan,
            replace=replace,
            labour=Labour(jobs, vacuum),
        )

    def copy_dev(self, name: str, *, database: str | None = None, progress: Progress | None = None) -> Copied:
        """Copy the template, in seconds, to the section's database or to one called `database`."""
        from penstock.devdb.lifecycle.copies import from_template

        return from_template(self._context(name, database=database), progress or Silent())

    def drop_template_dev(self, name: str, *, progress: Progress | None = None) -> str:
        """Remove the template; copies of it stay. Returns its name."""
        from penstock.devdb.lifecycle.templates import drop_template

        return drop_template(self._context(name), progress or Silent())

    def extras_dev(self, name: str, *, database: str | None = None) -> Extras:
        """What developers made in the copy, which a reset would lose or carry over."""
        from penstock.devdb.lifecycle.extras import extras_of

        return extras_of(self._context(name, database=database))

    def reset_dev(
        self,
        name: str,
        *,
        database: str | None = None,
        options: ResetOptions | None = None,
        progress: Progress | None = None,
    ) -> Reset:
        """Copy the template again (or read production, where there is none) beside the database, and swap."""
        from penstock.devdb.lifecycle.reset import ResetOptions, reset

        return reset(self._context(name, database=database), progress or Silent(), options or ResetOptions())

    def due_dev(self, *names: str) -> list[Due]:
        """The databases whose `schedule` says they are to be reset now (default: of all sections)."""
        from penstock.devdb.lifecycle.listing import due

        return [item for context in self._contexts(names) for item in due(context)]

    def reset_due_dev(
        self, *names: str, options: ResetOptions | None = None, progress: Progress | None = None
    ) -> Round[Reset]:
        """Reset all that is due (default: of all sections). What fails keeps no other from it."""
        from penstock.devdb.lifecycle.reset import ResetOptions
        from penstock.devdb.lifecycle.rounds import reset_due

        return reset_due(self._contexts(names), progress or Silent(), options or ResetOptions())

    def schedule_dev(self, name: str, *, keep_extra: bool = False, program: str = "penstock") -> str:
        """A crontab line and systemd units that ask regularly whether `[devdb.NAME]` is due. Installs nothing.

        `program` is the command `penstock`, with its path.
        """
        from penstock.devdb.lifecycle.schedule import schedule

        return schedule(self.settings, name, program, keep_extra=keep_extra)

    def drift_dev(self, name: str, *, database: str | None = None) -> Drift:
        """What production's schema has become since the copy was made, and what that asks of masks.toml.

        Of a section that has but a template: since that was made.
        """
        from penstock.devdb.lifecycle.drifting import drift_of

        return drift_of(self._context(name, database=database))

    def pipeline_dev(self, name: str, on: str) -> Pipeline:
        """A pipeline for `github`, `gitlab` or `jenkins` that creates, resets and destroys databases. Writes nothing."""
        from penstock.devdb.lifecycle.ci import pipeline

        return pipeline(self.settings, name, on)

    def scrub_dev(
        self,
        connection: str,
        *,
        confirm: str,
        rules_of: str | None = None,
        jobs: int | None = None,
        vacuum: Vacuum = "full",
        end_sessions: bool = False,
        drop_large_objects: bool = False,
        start_over: bool = False,
        progress: Progress | None = None,
    ) -> Scrubbed:
        """Mask the database of a target connection in place, where it already holds the real values. `confirm` is its
        name once more; `rules_of` a `[devdb.NAME]` whose rules hold. Begun and not finished, the same call goes on."""
        from penstock.devdb.scrub.request import Request
        from penstock.devdb.scrub.run import scrub

        request = Request(
            connection, confirm, rules_of, jobs, vacuum, end_sessions, drop_large_objects, start_over
        )
        return scrub(self.settings, request, progress or Silent())

    def _contexts(self, names: Sequence[str]) -> Iterator[Context]:
        return (self._context(name) for name in names or self.settings.sections.get("devdb", {}))

    def _context(self, name: str, plan: Plan | None = None, *, database: str | None = None) -> Context:
        from penstock.devdb.context import context_of
        from penstock.devdb.planning.plan import settings_from_dict

        settings = settings_from_dict(plan.settings, name) if plan is not None else None
        return context_of(self.settings, name, settings, database=database)
