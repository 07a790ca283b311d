"""One customer before and after: of the source only the shape (`Aaaaa.99@aaaa.aaa`), of the target what is there."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from penstock.detect.shape import LONGEST, shape
from penstock.engines.postgres.session import Session
from penstock.project.connections import ConnectionSettings

# The customer of the subset who shows most: with a company, a second e-mail address, a note and an audit entry.
_CHOICE = """
SELECT customer.customer_id
FROM public.customers AS customer
ORDER BY
    EXISTS (SELECT FROM public.notes AS note
            WHERE note.customer_id = customer.customer_id AND length(note.body) > 60) DESC,
    EXISTS (SELECT FROM audit.changes AS change
            WHERE change.table_name = 'customers' AND change.row_id = customer.customer_id) DESC,
    cardinality(customer.other_emails) DESC, customer.customer_id
LIMIT 1
"""

_PLACES = {
    "customers.full_name": "SELECT full_name FROM public.customers WHERE customer_id = $1",
    "customers.email": "SELECT email FROM public.customers WHERE customer_id = $1",
    "customers.phone": "SELECT phone FROM public.customers WHERE customer_id = $1",
    "customers.birthday": "SELECT birthday::text FROM public.customers WHERE customer_id = $1",
    "customers.iban": "SELECT iban FROM public.customers WHERE customer_id = $1",
    "addresses.street": "SELECT street FROM public.addresses WHERE customer_id = $1 ORDER BY address_id LIMIT 1",
    "orders.invoice": "SELECT (invoice).path FROM public.orders WHERE customer_id = $1 ORDER BY order_id LIMIT 1",
    "payments.card_number": (
        "SELECT card_number FROM public.payments JOIN public.orders USING (order_id)"
        " WHERE customer_id = $1 AND card_number IS NOT NULL ORDER BY payment_id LIMIT 1"
    ),
    "notes.body": "SELECT body FROM public.notes WHERE customer_id = $1 ORDER BY length(body) DESC, note_id LIMIT 1",
    "audit.changes.new_row": (
        "SELECT new_row ->> 'email' FROM audit.changes"
        " WHERE table_name = 'customers' AND row_id = $1 ORDER BY change_id LIMIT 1"
    ),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value in both databases; `source_shape` holds nothing of the value but its form."""

    column: str
    source_shape: str
    target_value: str


def before_and_after(source: ConnectionSettings, target: ConnectionSettings) -> list[Sample]:
    """The same customer's values in the production and the development database."""
    with (
        Session.open(source, read_only=True) as production,
        Session.open(target, read_only=True) as development,
    ):
        customer = development.fetchval(_CHOICE)
        found = []
        for column, query in _PLACES.items():
            before = production.fetchval(query, customer)
            after = development.fetchval(query, customer)
            if before is not None:
                found.append(Sample(column, _short(_shape(before)), _short(after)))
        return found


def _shape(text: str) -> str:
    formed: str = shape(pa.array([text]))[0].as_py()
    return formed


def _short(text: str | None) -> str:
    if text is None:
        return "NULL"
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
