"""What would make a scrubbed database dangerous, switched off where it stands: what a copy never gets, a snapshot has.

Subscriptions, publications and user mappings are dropped; event triggers, triggers that call out and scheduled jobs
disabled; foreign servers lose their addresses; a view that quotes a secret becomes one that gives no row. All of it in the
transaction that closes the database. What cannot be switched off is refused, with what to type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from penstock.catalog.model import Catalog, TableName, quote_identifier, quote_literal
from penstock.devdb.attached import dropping
from penstock.devdb.config import DevdbSettings
from penstock.devdb.disarm.expressions import evaluated, waiting
from penstock.devdb.disarm.extensions import ACTING, REPLICATING
from penstock.devdb.disarm.left_out import LeftOut, addresses, armed_foreign_tables, remove_addresses
from penstock.devdb.disarm.outbox import queue_tables, queue_warnings
from penstock.devdb.disarm.outward import armed, outward_warnings, switch_off
from penstock.devdb.disarm.secrets import rules_with_secrets, views_with_secrets
from penstock.devdb.disarm.uncarried import uncarried_settings
from penstock.engines.postgres.errors import LOCKED_WHY
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import QueryError, SourceRefused, TargetRefused

_HANDLED = ("pg_cron", "pg_net")  # what these would do is stopped; of others it is said that they are there


def disarm(session: Session, settings: DevdbSettings) -> tuple[LeftOut, ...]:
    """Switch off all but the subscriptions, which are only named; what was. Part of the caller's transaction, at its start:
    its statements would fire event triggers."""
    catalog = reflect(session)
    _require_no_way_out(session, catalog, settings)
    said = [_switch(session, row["what"], row["why"], row["statement"]) for row in session.fetch(_ARMED_SQL)]
    if settings.disarm:
        # What an extension's own trigger does is the extension's: pg_cron hears by one that a job is inactive.
        for one in (one for one in armed(session) if catalog.tables[one.table].extension is None):
            with _or_refused(session, f"the {one.what}", f"{one.statement};"):
                switch_off(session, [one])
            if not one.cloned:
                said.append(LeftOut(f"{one.what}, which is switched off", one.why))
        said += addresses(session)
        with _or_refused(
            session, "the addresses of foreign servers", "ALTER SERVER … OPTIONS (DROP host, …);"
        ):
            remove_addresses(session)
        said += _jobs(session, catalog)
    said += _views(session, catalog)
    said += _rules(session)
    return (*said, *(LeftOut(row["what"], row["why"]) for row in session.fetch(_SUBSCRIPTIONS_SQL)))


def drop_subscriptions(session: Session) -> None:
    """Drop them without a word to their publishers. Part of the caller's transaction, at its end: it locks a catalog that is
    the whole server's."""
    for row in session.fetch(_SUBSCRIPTIONS_SQL):
        session.execute("; ".join(dropping(row["name"])), doing=f"dropping the {row['what']}")


def warnings(
    session: Session, catalog: Catalog, emptied: Iterable[TableName], settings: DevdbSettings, section: str
) -> Iterator[str]:
    """What stays and is worth knowing: secrets in functions, extensions that act, queues of work, settings."""
    if settings.disarm:
        for extension, what in ACTING.items():
            if extension in catalog.extensions and extension not in _HANDLED:
                drop = f"DROP EXTENSION {quote_identifier(extension)} CASCADE;"
                yield f"the extension {extension} is there, and nothing of it is switched off: {what}; to be rid of it: {drop}"
        for row in session.fetch(_JOBS_ELSEWHERE_SQL):
            yield (
                f"pg_cron keeps its jobs in the database {row['elsewhere']}, and they may run here; there: "
                f"UPDATE cron.job SET active = false WHERE database = {quote_literal(session.database)};"
            )
        yield from waiting(session, catalog, ())
    yield from outward_warnings(session, catalog)
    for name in uncarried_settings(catalog):
        yield f"the setting {name} of the database stays: what it says may be a secret"
    queues = {*queue_tables(catalog)} - {*emptied}
    yield from queue_warnings(
        catalog, {table for table in queues if _has_rows(session, table)}, section, settings.empty
    )


def _has_rows(session: Session, table: TableName) -> bool:
    return bool(session.fetchval(f"SELECT EXISTS (SELECT FROM {table.sql})"))


def _require_no_way_out(session: Session, catalog: Catalog, settings: DevdbSettings) -> None:
    """Raise `TargetRefused` for what cannot be switched off and left standing."""
    for extension in (*REPLICATING,) if settings.disarm else ():
        if extension in catalog.extensions:
            drop = f"DROP EXTENSION {quote_identifier(extension)} CASCADE;"
            _refuse(
                session, f"the extension {extension}", "it would bring real rows in, or carry them out", drop
            )
    for error in evaluated(session, catalog, ()) if settings.disarm else ():
        raise TargetRefused(
            f"{session.database}: {error.what}",
            why="it would be evaluated while tables are filled",
            hint="drop it there, or say disarm = false in a [devdb.NAME] and scrub with --for NAME",
        )
    for name in views_with_secrets(catalog):
        if catalog.tables[name].kind == "materialized view":
            drop = f"DROP MATERIALIZED VIEW {name.sql} CASCADE;"
            _refuse(session, f"the materialised view {name}", "its query quotes a password or a token", drop)
    for name, found in armed_foreign_tables(session).items() if settings.disarm else ():
        _refuse(session, f"the foreign table {name}", found.why, f"DROP FOREIGN TABLE {name.sql} CASCADE;")
    for row in session.fetch(_SUBSCRIPTIONS_SQL):
        if not row["superuser"]:
            why = "what it said of its publisher stays in a catalog of the whole server, which only a superuser can clean"
            _refuse(
                session,
                row["what"],
                why,
                f"{'; '.join(dropping(row['name']))}; VACUUM FULL pg_catalog.pg_subscription;",
            )


def _refuse(session: Session, what: str, why: str, hint: str) -> None:
    raise TargetRefused(f"{session.database} has {what}", why=why, hint=hint)


@contextmanager
def _or_refused(session: Session, what: str, statement: str) -> Iterator[None]:
    try:
        yield
    except (QueryError, SourceRefused) as error:
        if error.why == LOCKED_WHY:
            raise
        raise TargetRefused(
            f"{session.settings.user} cannot switch off {what}",
            why=error.why,
            hint=f"have its owner, or a superuser, run in {session.database}: {statement}",
        ) from None


def _switch(session: Session, what: str, why: str, statement: str) -> LeftOut:
    with _or_refused(session, f"the {what}", f"{statement};"):
        session.execute(statement, doing=f"switching off the {what}")
    return LeftOut(what, why)


def _jobs(session: Session, catalog: Catalog) -> Iterator[LeftOut]:
    """Jobs of pg_cron become inactive; requests pg_net has not sent yet, and answers it has, go."""
    for extension, relation, columns, statement, why in _JOBS:
        if extension not in catalog.extensions:
            continue
        drop = f"DROP EXTENSION {quote_identifier(extension)} CASCADE;"
        if session.fetchval(_HAS_COLUMNS_SQL, relation, [*columns]):
            where = "".join(f" WHERE {column}" for column in columns)
            with _or_refused(session, f"what {extension} would do", drop):
                count = session.fetchval(f"SELECT count(*) FROM {relation}{where}")
                if count:
                    session.execute(statement, doing=f"switching off what {extension} would do")
            if count:
                yield LeftOut(f"{count} rows of {relation}", why)
        elif columns:
            _refuse(session, f"the extension {extension}", f"its {relation} is not as it is known here", drop)


def _views(session: Session, catalog: Catalog) -> Iterator[LeftOut]:
    for name in sorted(views_with_secrets(catalog)):
        for row in session.fetch(_BLANK_SQL, name.sql):
            _switch(session, f"view {name}", "", row["statement"])
        yield LeftOut(f"query of the view {name}, which gives no rows now", "it quotes a password or a token")


def _rules(session: Session) -> Iterator[LeftOut]:
    """Asked of what is there now: a rule of a view that called out is gone."""
    for table, rules in rules_with_secrets(reflect(session)).items():
        for rule in rules:
            drop = f"DROP RULE {quote_identifier(rule.name)} ON {table.sql}"
            yield _switch(session, f"rule {rule.name} of {table}", "it quotes a password or a token", drop)


# extension, relation, the column that says which rows count, what switches them off
_JOBS: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    ("pg_cron", "cron.job", ("active",), "UPDATE cron.job SET active = false WHERE active",
     "jobs of pg_cron, which are inactive now"),
    ("pg_net", "net.http_request_queue", (), "TRUNCATE net.http_request_queue", "requests that pg_net would have sent"),
    ("pg_net", "net._http_response", (), "TRUNCATE net._http_response", "what others answered"),
)  # fmt: skip

_HAS_COLUMNS_SQL = """
SELECT pg_catalog.to_regclass($1) IS NOT NULL AND count(*) = cardinality($2::text[]) FROM pg_catalog.pg_attribute
 WHERE attrelid = pg_catalog.to_regclass($1) AND attname = ANY($2::text[]) AND NOT attisdropped
"""

_JOBS_ELSEWHERE_SQL = """
SELECT setting AS elsewhere FROM pg_catalog.pg_settings
 WHERE name = 'cron.database_name' AND setting <> pg_catalog.current_database()
"""

# Those of extensions stay, as a copy has them.
_ARMED_SQL = """
SELECT 'event trigger ' || evtname || ', which is switched off' AS what, 'it would act on every change of the schema' AS why,
       pg_catalog.format('ALTER EVENT TRIGGER %I DISABLE', evtname) AS statement, 1 AS turn
  FROM pg_catalog.pg_event_trigger e
 WHERE evtenabled <> 'D' AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
     WHERE d.classid = 'pg_catalog.pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')
UNION ALL
SELECT 'publication ' || pubname, 'it would carry rows out', pg_catalog.format('DROP PUBLICATION %I', pubname), 2
  FROM pg_catalog.pg_publication
UNION ALL
SELECT 'user mapping of ' || usename || ' on the server ' || srvname, 'it may hold a password',
       pg_catalog.format('DROP USER MAPPING FOR %I SERVER %I', usename, srvname), 3
  FROM pg_catalog.pg_user_mappings
 ORDER BY turn, what
"""

_SUBSCRIPTIONS_SQL = """
SELECT 'subscription ' || subname AS what, subname::text AS name, 'it would bring real rows in' AS why,
       pg_catalog.current_setting('is_superuser') = 'on' AS superuser
  FROM pg_catalog.pg_subscription
 WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
 ORDER BY subname
"""

# The same columns, so that what stands on the view stands.
_BLANK_SQL = """
SELECT pg_catalog.format('CREATE OR REPLACE VIEW %s%s AS SELECT %s WHERE false', c.oid::regclass,
           (SELECT ' WITH (' || string_agg(o, ', ') || ')' FROM unnest(c.reloptions) o WHERE o NOT LIKE 'check_option=%'),
           (SELECT string_agg(pg_catalog.format('NULL::%s%s AS %I', pg_catalog.format_type(a.atttypid, a.atttypmod),
                                                ' COLLATE ' || l.oid::regcollation, a.attname), ', ' ORDER BY a.attnum)
              FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)) AS statement
  FROM pg_catalog.pg_class c WHERE c.oid = $1::regclass AND c.relkind = 'v'
"""
