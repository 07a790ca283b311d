"""Values that stay real: in their whole domain, inside of other values, and by their parts."""

from __future__ import annotations

import pyarrow as pa

from tests.policy.conftest import Resolved, column


def test_real_values_stay_real_in_the_whole_domain(resolved: Resolved):
    ddl = "CREATE TABLE staff (email text PRIMARY KEY); CREATE TABLE audit (who text); CREATE TABLE log (e text REFERENCES staff)"
    masks = "[public.staff]\nemail = 'email'\n[public.audit]\nwho = 'email'\n"
    policy = resolved(ddl, masks, real={column("staff.email"): frozenset({"boss@shop.example"})})
    values = pa.array(["boss@shop.example", "ana@shop.example"])
    for name in ("staff.email", "audit.who", "log.e"):
        masked = policy.decisions[column(name)].mask.mask(values).to_pylist()
        assert masked[0] == "boss@shop.example"
        assert masked[1] != "ana@shop.example"


def test_real_values_stay_real_inside_of_other_values(resolved: Resolved):
    ddl = """
        CREATE TYPE contact AS (mail text, remark text);
        CREATE TABLE staff (id integer, email text);
        CREATE TABLE mail (sent_to text[], contact contact, audit jsonb, log text, body text, staff_email text);
    """
    masks = """
        [public.staff]
        email = "email"
        [public.mail]
        sent_to = "email"
        contact = { mask = "composite", fields = { mail = "email" } }
        audit = { mask = "json", paths = { "$.by" = "email" } }
        log = { mask = "json", paths = { "$..by" = "email" } }
        body = { mask = "free_text", rest = "keep", identities = ["staff_email"] }
        staff_email = "email"
    """
    boss, ana = "boss@shop.example", "ana@shop.example"
    policy = resolved(ddl, masks, real={column("staff.email"): frozenset({boss})})
    held = {
        "sent_to": "{{{}}}",
        "contact": "({},hello)",
        "audit": '{{"by": "{}", "n": [1]}}',
        "log": '{{"a": {{"by": "{}"}}}}',
        "body": "From {} with love",
    }
    for name, text in held.items():
        mask = policy.decisions[column(f"mail.{name}")].mask
        inputs = {wish: pa.array([boss, ana]) for wish in mask.inputs()}
        first, second = mask.mask(pa.array([text.format(boss), text.format(ana)]), inputs).to_pylist()
        assert boss in first, name
        assert ana not in second, name


def test_what_a_real_row_holds_inside_stays_real_by_its_parts(resolved: Resolved):
    ddl = """
        CREATE TABLE staff (id integer, mails text[], profile jsonb);
        CREATE TABLE audit (who text, tag text);
    """
    masks = """
        [public.staff]
        mails = "email"
        profile = { mask = "json", paths = { "$.mail" = "email" } }
        [public.audit]
        who = "email"
        tag = "text"
    """
    profile = '{"mail": "b@shop.example", "tag": "blue", "n": 4711}'
    real = {
        column("staff.mails"): frozenset({"{a@shop.example,NULL}"}),
        column("staff.profile"): frozenset({profile}),
    }
    policy = resolved(ddl, masks, real=real)

    def through(name: str, *values: str) -> list[str]:
        return policy.decisions[column(name)].mask.mask(pa.array(values)).to_pylist()

    assert through("staff.mails", "{a@shop.example,NULL}") == ["{a@shop.example,NULL}"]
    assert through("audit.who", "a@shop.example", "b@shop.example") == ["a@shop.example", "b@shop.example"]
    assert through("staff.profile", profile) == [profile]
    # A leaf nobody named stays in its own document only.
    assert through("audit.tag", "blue") != ["blue"]
    [other] = through("staff.profile", '{"mail": "b@shop.example", "tag": "blue", "n": 4711, "x": 0}')
    assert "b@shop.example" in other
    assert "blue" not in other
    assert "4711" not in other
