"""The demo's production database: real-looking, valid, the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.cli.demo.shop import PARTS, shop_script
from tests.servers import Database, Server, unique_name

if TYPE_CHECKING:
    from tests.cli.demo.conftest import Demo

ROWS = {
    "addresses": 4500,
    "categories": 20,
    "changes": 2500,
    "countries": 10,
    "currencies": 7,
    "customers": 3000,
    "devices": 4172,
    "employees": 24,
    "newsletter": 1200,
    "notes": 2995,
    "order_lines": 27685,
    "orders": 12250,
    "payments_2024": 2427,
    "payments_2025": 9137,
    "payments_later": 0,
    "products": 400,
    "stores": 6,
}
TABLES = (
    "SELECT format('%I.%I', nspname, relname), relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
    " WHERE nspname IN ('public', 'audit') AND relkind = 'r' ORDER BY 2"
)


def build(server: Server) -> Database:
    shop = server.create(unique_name("shop"))
    shop.psql("".join(shop_script(part) for part in PARTS))
    return shop


@pytest.fixture
def shop(demo: Demo) -> Database:
    """The production database of the demo."""
    return demo.production


def contents(database: Database) -> dict[str, tuple[int, str]]:
    """Rows and a digest of the rows of every table, whatever their order."""
    found = {}
    for table, name in database.rows(TABLES):
        query = (
            f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM {table} AS t"
        )
        found[name] = database.rows(query)[0]
    return found


def test_it_has_the_rows_the_documentation_names(shop: Database) -> None:
    assert {name: count for name, (count, _) in contents(shop).items()} == ROWS


def test_it_is_the_same_on_every_server(shop: Database, postgres: Server) -> None:
    elsewhere = build(postgres)
    try:
        assert contents(elsewhere) == contents(shop)
    finally:
        postgres.drop(elsewhere.name)


def test_card_numbers_pass_the_luhn_check(shop: Database) -> None:
    numbers = [row[0] for row in shop.rows("SELECT card_number FROM payments WHERE card_number IS NOT NULL")]
    assert len(numbers) > 1000
    for number in numbers:
        doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(number)]
        assert sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def test_ibans_have_valid_check_digits(shop: Database) -> None:
    ibans = [row[0] for row in shop.rows("SELECT iban FROM customers WHERE iban IS NOT NULL")]
    assert len(ibans) > 500
    for iban in ibans:
        rearranged = "".join(str(int(char, 36)) for char in iban[4:] + iban[:4])
        assert int(rearranged) % 97 == 1
        assert len(iban) == {"DE": 22, "AT": 20}[iban[:2]]


@pytest.mark.parametrize("known", ["email", "phone", "iban", "last_name"])
def test_notes_mention_what_the_shop_knows_of_their_customer(shop: Database, known: str) -> None:
    mentions = shop.value(
        f"SELECT count(*) FROM notes JOIN customers USING (customer_id) WHERE position({known} IN body) > 0"
    )
    assert mentions > 50


def test_every_store_has_a_manager_of_its_own(shop: Database) -> None:
    strangers = "SELECT count(*) FROM stores s JOIN employees e ON e.employee_id = manager_id WHERE e.store_id <> s.store_id"
    assert shop.value(strangers) == 0


def test_every_constraint_is_validated(shop: Database) -> None:
    assert shop.value("SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == 0
    assert shop.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0") == 26


def test_the_category_tree_is_five_deep(shop: Database) -> None:
    assert shop.value("SELECT category_path(20)") == "Everything / Sleep / Tents / One person / Ultralight"


def test_a_change_to_a_customer_is_written_to_the_audit_log(shop: Database) -> None:
    server = shop.server
    copy = server.create(unique_name("shop"), template=shop.name)
    try:
        copy.execute("UPDATE customers SET phone = '+49 30 4000000' WHERE customer_id = 7")
        last = "SELECT row_id, new_row ->> 'phone' FROM audit.changes ORDER BY change_id DESC LIMIT 1"
        assert copy.rows(last) == [(7, "+49 30 4000000")]
    finally:
        server.drop(copy.name)
