"""What a machine asks for at night: reset all that is due, drop all that has expired. What fails keeps no other from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from penstock.devdb.context import Context
from penstock.devdb.dropping import drop
from penstock.devdb.lifecycle import listing
from penstock.devdb.lifecycle.reset import Reset, ResetOptions, reset
from penstock.devdb.progress import Progress, note
from penstock.errors import PenstockError

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Failed:
    """A database of which it could not be done, or a section whose databases could not be listed."""

    database: str
    error: PenstockError


@dataclass(frozen=True, slots=True)
class Round(Generic[Done]):
    """What was done, and what was not."""

    done: tuple[Done, ...]
    failed: tuple[Failed, ...]

    @property
    def exit_code(self) -> int:
        """That of the worst failure, or 0."""
        return max((failure.error.exit_code for failure in self.failed), default=0)


def reset_due(contexts: Iterable[Context], progress: Progress, options: ResetOptions) -> Round[Reset]:
    """Reset what its schedule wants reset now."""

    def one(context: Context) -> Reset:
        return reset(context, progress, options)

    return _round(contexts, progress, lambda context: [item.database for item in listing.due(context)], one)


def drop_expired(
    contexts: Iterable[Context], progress: Progress, *, of: Collection[str] | None = None
) -> Round[str]:
    """Drop what has outlived its `ttl` (`of`: of these databases only), and still has when nobody can make it anew any more."""

    def found(context: Context) -> list[str]:
        return [item.database for item in listing.expired(context) if of is None or item.database in of]

    def one(context: Context) -> str | None:
        return context.database if drop(context, progress, only_expired=True) else None

    return _round(contexts, progress, found, one)


def _round(
    contexts: Iterable[Context],
    progress: Progress,
    databases_of: Callable[[Context], list[str]],
    one: Callable[[Context], Done | None],
) -> Round[Done]:
    done: list[Done] = []
    failed: list[Failed] = []

    def say(database: str, error: PenstockError) -> None:
        why = f" ({error.why})" if error.why else ""
        note(progress, f"{database}: {error.what}{why} [{error.code}]")
        failed.append(Failed(database, error))

    for context in contexts:
        try:
            names = databases_of(context)
        except PenstockError as error:
            say(context.database, error)
            continue
        for name in names:
            try:
                made = one(context.with_database(name))
            except PenstockError as error:
                say(name, error)
            else:
                done += [made] if made is not None else []
    return Round(tuple(done), tuple(failed))
