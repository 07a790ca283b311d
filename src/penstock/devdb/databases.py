"""Databases on the target's server: made under a temporary name, then renamed, so that no half database ever
carries the final name.

A build is marked by its name (`NAME__penstock_xxxxxxxx`) and by a comment; until it has that, by a connection limit
that nobody would choose, which CREATE DATABASE sets at once. Whose build nobody works on any more, `debris` tells.

A build holds rows that nobody has verified, and a stranger's lock in it would stop the run: so nobody but its owner, who builds
it, may connect before it has its final name.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from penstock.catalog.model import DatabaseFacts, Locale, quote_identifier, quote_literal
from penstock.devdb import attached, belongings
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, QueryError

MARK = "__penstock_"
MAX_NAME_BYTES = 63
SECONDS_TO_END = 30.0
SERVERS_OWN = ("postgres", "template0", "template1")
"""What initdb makes, for everybody to connect to and to make databases from: nobody's copy."""


def server_of(session: Session) -> str:
    """What tells servers apart (a standby and its primary are one)."""
    return str(session.fetchval("SELECT system_identifier::text FROM pg_catalog.pg_control_system()"))


def temporary_name(final: str) -> str:
    """A fresh name for a build of `final`, within 63 bytes."""
    tail = f"{MARK}{secrets.token_hex(4)}"
    head = final.encode()[: MAX_NAME_BYTES - len(tail)].decode(errors="ignore")
    return head + tail


def exists(maintenance: Session, name: str) -> bool:
    return bool(
        maintenance.fetchval("SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)", name)
    )


def is_swapping(maintenance: Session, final: str) -> bool:
    """Whether a swap of `final` is under way, or was killed in its midst: nobody can connect to it."""
    return (_comment(maintenance, final) or "").startswith(swapping(final))


def recover(maintenance: Session, final: str) -> None:
    """Open `final` again after a swap that was killed. Call it while holding the lock."""
    if is_swapping(maintenance, final):
        comment = (_comment(maintenance, final) or "").removeprefix(swapping(final))
        maintenance.execute(f"ALTER DATABASE {quote_identifier(final)} WITH ALLOW_CONNECTIONS true")
        _set_comment(maintenance, final, comment)


def mark(final: str) -> int:
    """A connection limit that tells whose build a database is: between 1 and 2 billion, so it limits nothing."""
    return 10**9 + int.from_bytes(hashlib.sha256(final.encode()).digest()[:8], "big") % 10**9


def building(final: str) -> str:
    return f"penstock: building {final}"


def swapping(final: str) -> str:
    return f"penstock: swapping {final}\n"


def _comment(maintenance: Session, name: str) -> str | None:
    comment: str | None = maintenance.fetchval(
        "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database WHERE datname = $1",
        name,
    )
    return comment


def _set_comment(maintenance: Session, name: str, comment: str) -> None:
    maintenance.execute(comment_sql(name, comment), doing=f"marking {name}")


def comment_sql(name: str, comment: str) -> str:
    """The statement that says so of a database."""
    return f"COMMENT ON DATABASE {quote_identifier(name)} IS {quote_literal(comment)}"


def create(maintenance: Session, name: str, final: str, like: DatabaseFacts) -> tuple[str, ...]:
    """Make an empty UTF-8 database that sorts as the source does, if this server knows how. Returns warnings."""
    *exact, last = _locale_clauses(like.locale, maintenance.connection.get_server_version().major)
    warning = ""
    for clause, warning in (*exact, last):  # noqa: B007 - the warning of the clause that worked
        try:
            maintenance.execute(
                f"CREATE DATABASE {quote_identifier(name)} TEMPLATE template0 ENCODING 'UTF8' {clause} "
                f"ALLOW_CONNECTIONS false CONNECTION LIMIT {mark(final)}",
                doing=f"creating the database {name}",
            )
        except DatabaseError as error:
            refused = "privilege" in error.why or "permission" in error.why
            if clause == last[0] or refused or exists(maintenance, name):
                raise
        else:
            break
    _open_to_its_owner(maintenance, name, final)
    return (warning,) if warning else ()


def create_from(maintenance: Session, template: str, name: str, final: str, strategy: str) -> None:
    """Make a build of `final` as a copy of a template; `strategy` is a clause of CREATE DATABASE, or empty."""
    maintenance.execute(
        f"CREATE DATABASE {quote_identifier(name)} TEMPLATE {quote_identifier(template)} {strategy} "
        f"ALLOW_CONNECTIONS false CONNECTION LIMIT {mark(final)}",
        doing=f"copying the database {template}",
    )
    _open_to_its_owner(maintenance, name, final)


def _open_to_its_owner(maintenance: Session, name: str, final: str) -> None:
    """Mark a build that nobody can connect to yet, and let in who builds it. `publish` and `swap` open it to others."""
    maintenance.execute(
        f"BEGIN; {comment_sql(name, building(final))}; "
        f"REVOKE CONNECT ON DATABASE {quote_identifier(name)} FROM PUBLIC; "
        f"ALTER DATABASE {quote_identifier(name)} WITH ALLOW_CONNECTIONS true; COMMIT",
        doing=f"opening {name}",
    )


def _open_to_all(name: str) -> str:
    """The statement that gives a database what PostgreSQL gives a new one."""
    return f"GRANT CONNECT ON DATABASE {quote_identifier(name)} TO PUBLIC"


def comment_as_debris(name: str, final: str) -> str:
    """The statement that marks a database as a leftover of `final`, for the next run to remove."""
    return comment_sql(name, building(final))


def _locale_clauses(locale: Locale, major: int) -> Iterator[tuple[str, str]]:
    """Clauses of CREATE DATABASE for a server of this version, from exactly as the source to what every server knows;
    each with the warning it deserves. The provider is always named: a server may have another default."""
    libc = f"LC_COLLATE {quote_literal(locale.collation)} LC_CTYPE {quote_literal(locale.ctype)}"
    provided = "LOCALE_PROVIDER libc " if major >= 15 else ""
    name = quote_literal(locale.name or "")
    unknown = f"the target's server does not sort as {locale.provider} {locale.name or locale.collation}: the copy sorts as "
    own = ""
    if locale.provider == "icu" and major >= (16 if locale.rules else 15):
        own = f"LOCALE_PROVIDER icu ICU_LOCALE {name}"
        own += f" ICU_RULES {quote_literal(locale.rules)}" if locale.rules else ""
    elif locale.provider == "builtin" and major >= 17:
        own = f"LOCALE_PROVIDER builtin BUILTIN_LOCALE {name}"
    if own:
        yield f"{own} {libc}", ""
        yield f"{own} LC_COLLATE 'C' LC_CTYPE 'C'", ""
    if locale.provider == "libc":
        yield provided + libc, ""
    elif locale.name in ("C", "C.UTF-8"):  # the same order, by code points, from the C library
        yield f"{provided}LC_COLLATE {name} LC_CTYPE {name}", ""
    else:
        yield provided + libc, unknown + locale.collation
    yield f"{provided}LC_COLLATE 'C' LC_CTYPE 'C'", unknown + "C"


def drop(maintenance: Session, name: str) -> None:
    """Drop a database of ours, with its subscriptions, ending the connections to it."""
    attached.detach(maintenance, name)
    end_sessions(maintenance, [name])
    maintenance.execute(
        f"DROP DATABASE IF EXISTS {quote_identifier(name)} WITH (FORCE)", doing=f"dropping {name}"
    )


def publish(maintenance: Session, built: str, final: str, *, whose: str = "") -> None:
    """Give the finished build its final name. `whose` is a second line of its comment."""
    end_sessions(maintenance, [built])
    maintenance.execute(
        f"BEGIN; ALTER DATABASE {quote_identifier(built)} RENAME TO {quote_identifier(final)}; "
        f"ALTER DATABASE {quote_identifier(final)} CONNECTION LIMIT -1; "
        f"{_open_to_all(final)}; {comment_sql(final, f'penstock: {final}' + whose)}; COMMIT",
        doing=f"publishing {final}",
    )


def swap(maintenance: Session, built: str, final: str, *, lock_holder: int | None = None) -> tuple[str, ...]:
    """Put the finished build in the place of `final` and drop the old one.

    Both renames are one transaction: either name always leads to a whole database. Owner, rights, settings, connection
    limit and comment of the old one are put on the new one. Connections are forbidden only in between; the comment says so, and a
    later run allows them again if this one is killed. The session of the backend `lock_holder`, whose locks keep others from
    writing into the old one, is ended last, when nobody is left who could commit. Returns the settings our role may not put back.
    """
    attached.require_free(maintenance, final)
    old = temporary_name(final)
    q_built, q_final, q_old = map(quote_identifier, (built, final, old))
    comment = _comment(maintenance, final) or f"penstock: {final}"
    rights, settings = belongings.rights_of(maintenance, final), belongings.settings_of(maintenance, final)
    try:
        _set_comment(maintenance, final, swapping(final) + comment)
        maintenance.execute(
            f"ALTER DATABASE {q_final} WITH ALLOW_CONNECTIONS false", doing=f"swapping {final}"
        )
        _end_others(maintenance, final, lock_holder)
        end_sessions(maintenance, [built, final])
        statements = [
            f"ALTER DATABASE {q_final} RENAME TO {q_old}",
            f"ALTER DATABASE {q_built} RENAME TO {q_final}",
            comment_sql(final, comment),
            _open_to_all(final),
            *rights,
        ]
        with maintenance.transaction():
            maintenance.execute("; ".join(statements), doing=f"swapping {final}")
            left = belongings.put_back(maintenance, settings)
    except BaseException:
        with suppress(DatabaseError):  # lost with what failed: who removes the build opens it again
            recover(maintenance, final)
        raise
    with suppress(DatabaseError):  # the swap is done; what is left of the old one the next run removes
        drop(maintenance, old)
    return left


def _end_others(maintenance: Session, name: str, lock_holder: int | None) -> None:
    """End every session of a database that refuses new ones, but for one, until none is left."""
    deadline = time.monotonic() + SECONDS_TO_END
    entering = [row["pid"] for row in maintenance.fetch(_ENTERING_SQL, name)]
    while True:
        end_sessions(maintenance, [name], spared=lock_holder)
        others = maintenance.fetchval(_OTHERS_SQL, name, lock_holder or 0, entering)
        if not others:
            return
        if time.monotonic() > deadline:
            raise DatabaseError(
                f"{others} sessions of {name} do not end",
                why=f"they were told to {SECONDS_TO_END:.0f} seconds ago",
                hint="close them, and try again",
            )
        time.sleep(0.05)


# Who was let in just before connections were refused is in no view of sessions yet, but holds a lock on the database.
_ENTERING_SQL = """
SELECT l.pid FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.objid AND d.datname = $1
 WHERE l.locktype = 'object' AND l.classid = 'pg_catalog.pg_database'::regclass AND l.mode = 'RowExclusiveLock'
"""
_OTHERS_SQL = f"""
SELECT count(*) FROM (
    SELECT pid FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND usesysid IS NOT NULL
    UNION SELECT pid FROM ({_ENTERING_SQL}) e WHERE pid = ANY($3::int4[])) s
 WHERE pid <> $2
"""


def end_sessions(maintenance: Session, names: Sequence[str], *, spared: int | None = None) -> None:
    """End every session of these databases (autovacuum gives way by itself), but for that of the backend `spared`."""
    try:
        maintenance.fetch(
            "SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity "
            "WHERE datname = ANY($1::text[]) AND usesysid IS NOT NULL AND pid <> $2",
            list(names),
            spared or 0,
            doing="ending the sessions of the database",
        )
    except QueryError as error:
        raise QueryError(
            f"sessions of {names[-1]} are in the way and this role may not end them",
            why=error.why,
            hint=f"close them, or GRANT pg_signal_backend TO {quote_identifier(maintenance.settings.user)};",
        ) from None
