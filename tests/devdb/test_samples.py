"""The main job on real sample databases: a subset that is complete, masked, and equal to what plain SQL computes."""

from __future__ import annotations

import pytest

from tests.devdb.conftest import MakeFolder
from tests.servers import Database

PAGILA = """
unclassified = "mask"
keep = ["public.country", "public.city", "public.language", "public.category"]
[[devdb.small.root]]
table = "public.customer"
limit = 100
"""

PAGILA_MASKS = """
[public.customer]
first_name = "first_name"
last_name = "last_name"
email = "email"
[public.staff]
first_name = "first_name"
last_name = "last_name"
email = "email"
[public.film]
title = "text"
[public.city]
city = "keep"
[public.country]
country = "keep"
[public.language]
name = "keep"
[public.category]
name = "keep"
"""

# The closure by hand: customers 1 to 100 and everything below them; above all of that, what is referenced.
PAGILA_EXPECTED = """
WITH c AS (SELECT * FROM customer ORDER BY customer_id LIMIT 100),
     r AS (SELECT * FROM rental WHERE customer_id IN (SELECT customer_id FROM c)
           UNION SELECT * FROM rental WHERE rental_id IN (SELECT rental_id FROM payment WHERE customer_id IN (SELECT customer_id FROM c))),
     p AS (SELECT * FROM payment WHERE customer_id IN (SELECT customer_id FROM c) OR rental_id IN (SELECT rental_id FROM r)),
     c2 AS (SELECT customer_id FROM c UNION SELECT customer_id FROM r UNION SELECT customer_id FROM p),
     i AS (SELECT * FROM inventory WHERE inventory_id IN (SELECT inventory_id FROM r)),
     f AS (SELECT * FROM film WHERE film_id IN (SELECT film_id FROM i)),
     s AS (SELECT store_id FROM customer WHERE customer_id IN (SELECT customer_id FROM c2) UNION SELECT store_id FROM i),
     staff0 AS (SELECT staff_id FROM r UNION SELECT staff_id FROM p UNION SELECT manager_staff_id FROM store WHERE store_id IN (SELECT store_id FROM s)),
     s2 AS (SELECT store_id FROM s UNION SELECT store_id FROM staff WHERE staff_id IN (SELECT staff_id FROM staff0)),
     staff2 AS (SELECT staff_id FROM staff0 UNION SELECT manager_staff_id FROM store WHERE store_id IN (SELECT store_id FROM s2)),
     a AS (SELECT address_id FROM customer WHERE customer_id IN (SELECT customer_id FROM c2)
           UNION SELECT address_id FROM staff WHERE staff_id IN (SELECT staff_id FROM staff2)
           UNION SELECT address_id FROM store WHERE store_id IN (SELECT store_id FROM s2))
SELECT 'customer', (SELECT count(*) FROM c2) UNION ALL SELECT 'rental', (SELECT count(*) FROM r)
UNION ALL SELECT 'payment', (SELECT count(*) FROM p) UNION ALL SELECT 'inventory', (SELECT count(*) FROM i)
UNION ALL SELECT 'film', (SELECT count(*) FROM f) UNION ALL SELECT 'store', (SELECT count(*) FROM s2)
UNION ALL SELECT 'staff', (SELECT count(*) FROM staff2) UNION ALL SELECT 'address', (SELECT count(*) FROM a)
UNION ALL SELECT 'city', (SELECT count(*) FROM city) UNION ALL SELECT 'country', (SELECT count(*) FROM country)
UNION ALL SELECT 'language', (SELECT count(*) FROM language) UNION ALL SELECT 'category', (SELECT count(*) FROM category)
UNION ALL SELECT 'actor', 0 UNION ALL SELECT 'film_actor', 0 UNION ALL SELECT 'film_category', 0
"""


def counts(database: Database, tables: list[str]) -> dict[str, int]:
    return {table: database.value(f'SELECT count(*) FROM public."{table}"') for table in tables}


@pytest.fixture
def pagila_expected(pagila: Database) -> dict[str, int]:
    return {str(table): int(n) for table, n in pagila.rows(PAGILA_EXPECTED)}


def test_pagila_arrives_complete_masked_and_verified(
    pagila: Database, pagila_expected: dict[str, int], make_folder: MakeFolder
) -> None:
    folder = make_folder(pagila, PAGILA, PAGILA_MASKS)
    made = folder.project.create_dev("small")
    assert made.verification.passed
    assert made.seconds < 10
    dev = folder.made
    assert counts(dev, list(pagila_expected)) == pagila_expected
    # masked: no e-mail of the source is there, and every partition has its rows
    originals = {email for (email,) in pagila.rows("SELECT email FROM customer")}
    assert not originals & {email for (email,) in dev.rows("SELECT email FROM customer")}
    assert dev.rows("SELECT tableoid::regclass::text, count(*) FROM payment GROUP BY 1 ORDER BY 1") == [
        (table, n)
        for table, n in pagila.rows(
            "SELECT tableoid::regclass::text, count(*) FROM payment WHERE customer_id <= 100 GROUP BY 1 ORDER BY 1"
        )
    ]
    # the search column was rebuilt from the masked title, not copied
    assert dev.value("SELECT bool_and(fulltext @@ plainto_tsquery('pg_catalog.english', title)) FROM film")
    assert dev.value("SELECT nextval('customer_customer_id_seq')") == pagila.value(
        "SELECT last_value + 1 FROM customer_customer_id_seq"
    )
    assert folder.names() == [folder.database]
