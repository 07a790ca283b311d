"""Tables that look like queues are proposed as `empty`, and are never emptied without being asked."""

from __future__ import annotations

import pytest

from penstock.devdb.disarm.outbox import queue_tables
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from tests.conftest import MakeDatabase
from tests.devdb.comparing import keeping
from tests.devdb.conftest import MakeFolder
from tests.servers import Database

QUEUES = """
    outbox outbox_events order_outbox event_queue job_queue mail_queue email_queue jobs failed_jobs delayed_jobs good_jobs good_job_batches que_jobs
    oban_jobs solid_queue_jobs solid_queue_ready_executions sidekiq_jobs django_celery_beat_periodictask django_celery_results_taskresult webhook_deliveries
    webhooks_deliveries queued_emails pending_notifications river_job messenger_messages apscheduler_jobs qrtz_triggers graphile_worker.x pgboss.job
""".split()
ORDINARY = """
    job job_titles job_applications orders mail_address email events event queue_length_history payments scheduled_flights background webhooks
    hooks tasks notifications messages inbox pending_orders users.jobs_done steve_jobs customers
""".split()


def _tables(names: list[str]) -> str:
    schemas = {name.partition(".")[0] for name in names if "." in name}
    return "".join(f"CREATE SCHEMA {schema};" for schema in schemas) + "".join(
        f"CREATE TABLE {name if '.' in name else f'public.{name}'} (id int);" for name in names
    )


def _found(database: Database) -> set[str]:
    with Session.open(database.settings, read_only=True) as session:
        session.begin_snapshot()
        return {str(name).removeprefix("public.") for name in queue_tables(reflect(session))}


def test_names_of_queues_are_known_and_ordinary_names_are_not(make_database: MakeDatabase) -> None:
    assert _found(make_database(_tables(QUEUES + ORDINARY))) == set(QUEUES)


@pytest.mark.parametrize(
    ("columns", "is_queue"),
    [
        ("id int, payload jsonb, attempts int, locked_at timestamptz", True),
        ("id int, handler text, run_at timestamptz, locked_by text", True),
        ("id int, body text, sent_at timestamptz", False),
        ("id int, attempts int, locked_at timestamptz", False),  # a login
        ("id int, message text, scheduled_at timestamptz", False),
    ],
)
def test_columns_tell_a_queue_whatever_its_name(
    columns: str, make_database: MakeDatabase, *, is_queue: bool
) -> None:
    assert _found(make_database(f"CREATE TABLE public.thing ({columns});")) == (
        {"thing"} if is_queue else set()
    )


def test_the_plan_says_which_line_to_add_and_create_empties_nothing_unasked(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE public.outbox (id int PRIMARY KEY); INSERT INTO public.outbox VALUES (1);"
        "CREATE TABLE public.jobs (id int PRIMARY KEY); INSERT INTO public.jobs VALUES (1);"
        "CREATE TABLE public.log (id int PRIMARY KEY); INSERT INTO public.log VALUES (1);"
    )
    folder = make_folder(
        source, 'keep = ["public.outbox", "public.jobs"]\nempty = ["public.log"]\n', keeping(source)
    )
    line = 'empty = ["public.log", "public.jobs", "public.outbox"]'
    for command in ("plan", "create"):
        done = folder.run("dev", command, "small")
        assert done.code == 0, done.err
        assert (
            f"look like work still to be done, which a worker on the copy would do; if so, in [devdb.small]: {line}"
            in done.out
        )
    assert folder.made.value("SELECT count(*) FROM public.outbox") == 1
    folder.write(devdb=f'{line}\n[[devdb.small.root]]\ntable = "public.log"\n'.replace('"public.log", ', ""))
    assert "work still to be done" not in folder.run("dev", "plan", "small").out


@pytest.mark.parametrize("strategy", ["clone", "prune"])
def test_a_clone_and_a_prune_are_told_so_too(
    strategy: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE public.outbox (id int PRIMARY KEY); INSERT INTO public.outbox VALUES (1);"
    )
    rule = '[[devdb.small.root]]\ntable = "public.outbox"\n' if strategy == "prune" else ""
    folder = make_folder(source, f'strategy = "{strategy}"\n{rule}', keeping(source))
    assert 'in [devdb.small]: empty = ["public.outbox"]' in folder.run("dev", "plan", "small").out
