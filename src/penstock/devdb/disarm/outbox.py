"""Tables that look like queues of work still to be done: e-mails to send, webhooks to deliver, jobs to run.

A worker that a developer starts on the copy would do it all, once more and for real, if the addresses in it are real. So
the plan proposes them as `empty`. Nothing is emptied without being asked: a name proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from penstock.catalog.model import Catalog, Table, TableName

# Those of the libraries that keep their jobs in PostgreSQL, and the names that people give.
_NAMES = re.compile(
    r"(?:^|_)(?:outbox|outboxes|inbox_messages|job_queues?|task_queues?|event_queues?|message_queues?|(?:e?mail|mailer|sms|notification)_queues?"
    r"|queued_(?:e?mails?|jobs|messages|tasks|notifications)|pending_(?:e?mails?|jobs|webhooks|notifications))(?:_|$)"
    r"|^(?:webhooks?_(?:deliver(?:y|ies)|events?|queues?|logs?)|outbox_\w+|\w+_outbox|jobs|failed_jobs|job_batches|delayed_jobs|que_jobs|que_lockers"
    r"|good_jobs?\w*|oban_jobs|solid_queue_\w+|sidekiq\w*|resque\w*|queue_classic_jobs|river_job|procrastinate_(?:jobs|events)"
    r"|django_celery_\w+|celery_\w+|django_q_\w+|kombu_message|apscheduler_jobs|background_task|dramatiq_\w+|qrtz_\w+|jobrunr_\w+"
    r"|message_store|messenger_messages|hangfire\w*|scheduled_tasks|scheduled_jobs|post_office_email|mailer_message|ahoy_messages)$",
    re.IGNORECASE,
)  # fmt: skip
_SCHEMAS = frozenset({"graphile_worker", "hangfire", "pgboss", "pgmq", "pgq", "procrastinate"})
_WHAT = re.compile(
    r"^(?:payload|args|arguments|serialized_params|handler|message|body|job|job_data|data)$", re.IGNORECASE
)
_WHEN = re.compile(
    r"^(?:run_at|scheduled_at|available_at|next_attempt_at|next_run_at|not_before|visible_at|vt)$",
    re.IGNORECASE,
)
_STATE = re.compile(
    r"^(?:attempts?|attempt_count|retries|retry_count|tries|locked_at|locked_by|reserved_at|processed_at|published_at"
    r"|sent_at|delivered_at|dispatched_at|finished_at)$",
    re.IGNORECASE,
)  # fmt: skip


def queue_tables(catalog: Catalog) -> Iterator[TableName]:
    """Tables that are queues by their name or by their columns."""
    for name in catalog.leaves:
        if (
            name.schema in _SCHEMAS
            or _NAMES.search(name.table)
            or _has_columns_of_a_queue(catalog.tables[name])
        ):
            yield name


def _has_columns_of_a_queue(table: Table) -> bool:
    """What is to be done, and when it may be or how often it was tried."""
    columns = [column.name for column in table.columns]
    what, when, state = (sum(bool(p.match(c)) for c in columns) for p in (_WHAT, _WHEN, _STATE))
    return what > 0 and ((when > 0 and state > 0) or state > 1)


def queue_warnings(
    catalog: Catalog, copied: Collection[TableName], section: str, empty: Iterable[str]
) -> Iterator[str]:
    """One warning for the queues of which rows are there, with the line for penstock.toml and where it goes."""
    found = [table for table in queue_tables(catalog) if table in copied]
    if found:
        listed = ", ".join(f'"{text}"' for text in [*empty, *map(str, found)])
        yield (
            f"{', '.join(map(str, found))} {'looks' if len(found) == 1 else 'look'} like work still to be done, which a worker "
            f"on the copy would do; if so, in {section}: empty = [{listed}]"
        )
