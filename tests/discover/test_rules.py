"""What a column is, by its name, its type and its table. One line per case; anyone may add some."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from penstock.catalog.model import Column, ColumnName, Table, TableName
from penstock.catalog.types import ColumnType, Family
from penstock.discover.context import ColumnContext, TableContext
from penstock.discover.propose import judge
from penstock.discover.rules import rules

_FAMILIES = {
    "text": Family.TEXT, "int": Family.INTEGER, "numeric": Family.NUMERIC, "bool": Family.BOOLEAN, "date": Family.DATE,
    "timestamp": Family.TIMESTAMP, "jsonb": Family.JSON, "bytea": Family.BINARY, "inet": Family.NETWORK,
    "macaddr": Family.MAC, "uuid": Family.UUID, "xml": Family.XML, "point": Family.GEOMETRY, "hstore": Family.OTHER,
    "money": Family.NUMERIC, "float8": Family.NUMERIC, "int4range": Family.RANGE, "tsrange": Family.RANGE,
    "time": Family.TIME, "interval": Family.INTERVAL, "enum": Family.ENUM,
}  # fmt: skip


def declared(name: str) -> ColumnType:
    if name.endswith("[]"):
        return ColumnType(name, Family.ARRAY, element=declared(name[:-2]))
    if name.endswith(")"):  # numeric(15,0)
        typname, precision, scale = re.split("[(,]", name[:-1])
        return replace(declared(typname), name=name, precision=int(precision), scale=int(scale))
    return ColumnType(name, _FAMILIES[name], typname=name)


def context(table: str, column: str, others: str = "") -> ColumnContext:
    """`column` is `name` or `name:type`; `others` are names of further text columns of the table."""
    columns = []
    for i, text in enumerate([column, *others.split()], 1):
        name, _, kind = text.partition(":")
        columns.append(Column(name, declared(kind or "text"), i))
    schema, _, name = table.rpartition(".")
    made = Table(TableName(schema or "public", name), 1, "table", tuple(columns))
    return ColumnContext(ColumnName(made.name, columns[0].name), columns[0], TableContext(made))


# rule, table, column, mask ("?" before it: an open question), further columns of the table
CASES = [
    ("email", "customer", "email", "email"),
    ("email", "orders", "contactEmail", "email"),
    ("email", "users", "email_normalized", "email"),
    ("email", "users", "other_emails:text[]", "email"),
    ("email", "email_deliveries", "to", "?email"),
    ("phone", "customer", "HomePhone", "phone"),
    ("phone", "customer", "mobile_no", "phone"),
    ("phone", "customer", "phone:int", "integer"),
    ("phone", "employees", "extension", "digits"),
    ("first_name", "actor", "first_name", "first_name"),
    ("first_name", "t", "fname", "first_name"),
    ("last_name", "t", "Surname", "last_name"),
    ("person_name", "users", "name", "person_name"),
    ("person_name", "t", "full_name", "person_name"),
    ("person_name", "customers", "contact_name", "person_name"),
    ("person_name", "orders", "ship_name", "person_name", "ship_address"),
    ("person_name", "payments", "card_holder", "person_name"),
    ("person_name", "addresses", "recipient", "person_name"),
    ("person_name", "support_requests", "name", "?text"),
    ("person_name", "track", "composer", "?person_name"),
    ("person_name", "t", "changed_by", "?text"),
    ("company", "customers", "company_name", "company"),
    ("company", "organisations", "name", "company"),
    ("user_name", "staff", "username", "text"),
    ("user_name", "users", "sub", "text"),
    ("secret", "users", "password_hash", "text"),
    ("secret", "devices", "push_token", "text"),
    ("secret", "users", "password:bytea", "null"),
    ("street_address", "customer", "address2", "street_address"),
    ("street_address", "t", "billing_address_line_1", "street_address"),
    ("city", "customer", "city", "city"),
    ("city", "address", "district", "city"),
    ("city", "invoice", "billing_state", "city", "billing_address"),
    ("country", "customer", "country_code", "keep"),
    ("postal_code", "customer", "zip", "postal_code"),
    ("birth_date", "employee", "BirthDate:timestamp", "date_shift"),
    ("birth_date", "users", "dob:date", "date_shift"),
    ("dates", "employees", "hired_on:date", "date_shift"),
    ("dates", "orders", "order_date:date", "keep"),
    ("dates", "orders", "thing:date", "?date_shift"),
    ("dates", "applications", "passport_expiry_date:date", "?date_shift"),
    ("identity_number", "customers", "tax_id", "text"),
    ("identity_number", "t", "ssn:int", "integer"),
    ("bank", "t", "iban", "iban"),
    ("bank", "t", "account_number", "digits"),
    ("credit_card", "payments", "card_number", "credit_card"),
    ("credit_card", "card", "last4", "digits"),
    ("ip_address", "t", "anything:inet", "ip"),
    ("ip_address", "t", "last_ips:inet[]", "ip"),
    ("ip_address", "t", "last_sign_in_ip", "ip"),
    ("ip_address", "t", "anything:macaddr", "mac"),
    ("user_agent", "session", "user_agent", "user_agent"),
    ("url", "suppliers", "homepage", "url"),
    ("path", "uploads", "filename", "path"),
    ("location", "searches", "latitude:numeric", "?null"),
    ("location", "t", "spot:point", "?null"),
    ("special_category", "patients", "gender", "?null"),
    ("special_category", "employees", "salary:numeric", "?keep"),
    ("free_text", "rental", "notes", "free_text"),
    ("free_text", "referrals", "allegation_details", "?free_text"),
    ("documents", "audit.changes", "new_row:jsonb", "json"),
    ("documents", "webhooks", "payload:jsonb", "?json"),
    ("documents", "t", "x:xml", "?null"),
    ("binary", "staff", "picture:bytea", "null"),
    ("binary", "categories", "picture:bytea", "keep"),
    ("binary", "t", "blob:bytea", "?null"),
    ("nomenclature", "country", "country", "keep"),
    ("nomenclature", "languages", "name", "keep"),
    ("thing_name", "film", "title", "keep"),
    ("thing_name", "products", "product_name", "keep"),
    ("code", "orders", "status", "keep"),
    ("code", "changes", "table_name", "keep"),
    ("code", "film", "special_features:text[]", "keep"),
    ("code", "jobs", "adapter_class", "keep"),
    ("code", "users", "status", "?keep"),
    ("code", "patients", "stage", "?keep"),
    ("code", "calls", "outcome", "?keep"),
    ("anything_else", "posts", "tags:text[]", "?array"),
    ("anything_else", "articles", "keywords:text[]", "?array"),
    ("anything_else", "employees", "skills:text[]", "?array"),
    ("anything_else", "orders", "phone_extension", "?text"),
    ("anything_else", "referrals", "reason_leaving_role", "?text"),
    ("thing_name", "tags", "name", "?keep"),
    ("thing_name", "devices", "label", "?keep"),
    ("thing_name", "playlists", "name", "?keep"),
    ("free_text", "events", "description", "?free_text"),
    ("free_text", "description_versions", "description", "?free_text"),
    ("free_text", "invoice_items", "description", "?free_text"),
    ("person_name", "courses", "tutor_name", "?text"),
    ("user_name", "tag_signatures", "key_user_name", "text"),
    ("job_title", "applications", "job_title", "?keep"),
    ("secret", "verification_codes", "code", "text"),
    ("secret", "devices", "activation_code", "text"),
    ("binary", "reports", "scan:bytea", "?null"),
    ("job_title", "employees", "title", "?keep"),
    ("identity_number", "customer", "ssn:numeric(15,0)", "integer"),
    ("identity_number", "customer", "nif:numeric(9,0)", "integer"),
    ("identity_number", "customer", "cpf:numeric", "null"),
    ("identity_number", "customer", "passport_number:numeric(20,0)", "null"),
    ("identity_number", "customer", "ssn:numeric(12,2)", "?null"),
    ("identity_number", "customer", "ssn:float8", "?null"),
    ("identity_number", "customer", "ssns:int[]", "integer"),
    ("identity_number", "customer", "ssns:numeric[]", "null"),
    ("identity_number", "customer", "ssn:int4range", "?null"),
    ("identity_number", "customer", "bsn:int", "integer"),
    ("phone", "customer", "mobile:numeric(15,0)", "integer"),
    ("phone", "customer", "fax:numeric(15,0)", "integer"),
    ("phone", "customer", "phone_numbers:int[]", "integer"),
    ("phone", "expenses", "phone:money", "?null"),
    ("phone", "employees", "extension:int", "integer"),
    ("credit_card", "payments", "card_number:numeric(16,0)", "integer"),
    ("credit_card", "payments", "cvv:numeric(4,0)", "integer"),
    ("bank", "t", "account_number:numeric(12,0)", "integer"),
    ("postal_code", "customer", "zip:numeric(5,0)", "?integer"),
    ("street_address", "customer", "house_number:int", "integer"),
    ("ip_address", "customer", "ip_address:int", "integer"),
    ("ip_address", "t", "anything:macaddr[]", "mac"),
    ("secret", "users", "pin:int", "integer"),
    ("secret", "boards", "pin:int", "?integer"),
    ("personal_number", "customer", "phone_home:int", "?integer"),
    ("personal_number", "orders", "ssn_part:numeric(4,0)", "?integer"),
    ("birth_date", "customer", "birth_year:int", "?keep"),
    ("birth_date", "t", "yob:int", "?keep"),
    ("birth_date", "t", "date_of_birth:int", "?null"),
    ("birth_date", "customer", "time_of_birth:time", "?null"),
    ("birth_date", "customer", "birth_period:tsrange", "?null"),
    ("birth_date", "customer", "birth_dates:timestamp[]", "date_shift"),
    ("birth_date", "orders", "customer_age:numeric", "?keep"),
    ("birth_date", "customer", "ages:int[]", "?keep"),
    ("dates", "employees", "hire_dates:timestamp[]", "date_shift"),
    ("dates", "employees", "employed:tsrange", "?null"),
    ("special_category", "employees", "salary_cents:int", "?keep"),
    ("special_category", "employees", "salary_range:int4range", "?keep"),
    ("special_category", "employees", "salaries:int[]", "?keep"),
    ("special_category", "customer", "balance:money", "?keep"),
    ("special_category", "patients", "hiv_positive:bool", "?null"),
    ("special_category", "patients", "diagnoses:int[]", "?null"),
    ("special_category", "visits", "diagnosis_code:int", "?null", "patient_id"),
    ("special_category", "orders", "customer_gender:enum", "?null"),
    ("location", "customer", "lat:float8", "?null"),
    ("location", "customer", "coords:float8[]", "?null"),
    ("location", "customer", "location:float8[]", "?null"),
    ("harmless_type", "t", "quantity:int", "keep"),
    ("special_category", "visits", "glucose:numeric", "?null", "patient_id"),
    ("special_category", "patients", "weight:numeric", "?null"),
    ("harmless_type", "issues", "weight:int", "keep", "author_id"),
    ("harmless_type", "orders", "balance:numeric", "keep"),
    ("harmless_type", "orders", "weight:numeric", "keep"),
    ("harmless_type", "tests", "births:int", "keep"),
    ("harmless_type", "orders", "counts:int[]", "keep"),
    ("harmless_type", "users", "phone_count:int", "keep"),
    ("harmless_type", "t", "tokens:int", "keep"),
    ("harmless_type", "t", "public_id:uuid", "keep"),
    ("anything_else", "t", "x", "?text"),
    ("anything_else", "t", "xs:text[]", "?array"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[1]}.{case[2]}")
def test_what_a_column_is_taken_for(case: tuple[str, ...]):
    rule, table, column, mask, *others = case
    found_rule, judgement = judge(context(table, column, *others))
    assert (found_rule, ("" if judgement.certain else "?") + judgement.mask) == (rule, mask)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("customer", "email_count:int"),
        ("customer", "email_verified:bool"),
        ("customer", "email_sent_at:timestamp"),
        ("customer", "address_id:int"),
        ("customer", "phone_type"),
        ("film", "name"),
        ("terms", "academic_year_code:int"),
        ("region", "r_name"),
        ("orders", "last_update:timestamp"),
    ],
)
def test_one_word_of_a_name_does_not_make_it_personal(table: str, column: str):
    _, judgement = judge(context(table, column))
    assert not judgement.is_personal


def test_every_rule_has_a_case():
    assert {case[0] for case in CASES} | {"composite"} == set(rules())


def test_every_judgement_says_why():
    for _, table, column, _, *others in CASES:
        assert judge(context(table, column, *others))[1].evidence
