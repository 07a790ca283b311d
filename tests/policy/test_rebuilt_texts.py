"""A tsvector over masked text: rebuilt by its trigger, emptied, or refused."""

from __future__ import annotations

from tests.policy.conftest import Resolved, column, undecided

SEARCH = """
CREATE TABLE doc (title text, body text, words tsvector);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON doc FOR EACH ROW
    EXECUTE FUNCTION tsvector_update_trigger(words, 'pg_catalog.english', title, body);
"""


def test_a_tsvector_over_masked_text_is_rebuilt_by_its_trigger(resolved: Resolved):
    decision = resolved(SEARCH, "[public.doc]\ntitle = 'keep'\nbody = 'text'\n").decisions[
        column("doc.words")
    ]
    assert (decision.mask, decision.rebuild_trigger, decision.mask_name) == (None, "fill", "rebuild")


def test_a_tsvector_over_kept_text_is_kept(resolved: Resolved):
    assert (
        resolved(SEARCH, "[public.doc]\ntitle = 'keep'\nbody = 'keep'\n").decisions[column("doc.words")].keeps
    )


def test_keeping_a_tsvector_over_masked_text_is_refused(resolved: Resolved):
    policy = resolved(SEARCH, "[public.doc]\ntitle = 'keep'\nbody = 'text'\nwords = 'keep'\n")
    (violation,) = policy.violations
    assert (violation.column, violation.constraint, violation.suggestion) == (
        column("doc.words"),
        "fill",
        "rebuild",
    )


def test_a_tsvector_without_a_trigger_refuses_or_is_emptied(resolved: Resolved):
    ddl = "CREATE TABLE doc (words tsvector, more tsvector NOT NULL)"
    assert undecided(resolved(ddl)) == {"doc.words", "doc.more"}
    policy = resolved(ddl, unclassified="mask")
    assert [policy.decisions[column(f"doc.{c}")].mask_name for c in ("words", "more")] == ["null", "constant"]


def test_rebuild_may_name_a_trigger_of_ones_own_and_refuses_one_that_does_not_fire(resolved: Resolved):
    ddl = """
        CREATE TABLE doc (body text, words tsvector);
        CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.words := NULL; RETURN NEW; END';
        CREATE TRIGGER mine BEFORE INSERT ON doc FOR EACH ROW EXECUTE FUNCTION fill();
        CREATE TRIGGER later AFTER INSERT ON doc FOR EACH ROW EXECUTE FUNCTION fill();
        """
    line = "[public.doc]\nbody = 'text'\nwords = {{ mask = 'rebuild', trigger = '{}' }}\n"
    assert resolved(ddl, line.format("mine")).decisions[column("doc.words")].rebuild_trigger == "mine"
    assert [v.constraint for v in resolved(ddl, line.format("later")).violations] == ["trigger"]
