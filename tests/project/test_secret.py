"""A secret cannot be shown by accident."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
from string import Template

import pytest

from penstock.project.connections import ConnectionSettings
from penstock.project.secret import Secret

VALUE = "canary-7f3a9c!#"


@pytest.fixture
def secret() -> Secret:
    return Secret(VALUE, ".env:3")


def test_reveal_is_the_way_out(secret: Secret) -> None:
    assert secret.reveal() == VALUE


def test_no_kind_of_formatting_shows_it(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("t").warning("%s %r", secret, secret)
    shown = [
        str(secret), repr(secret), f"{secret}", f"{secret!r:>50}", f"{[secret]}",
        Template("$x").substitute(x=secret), caplog.text,
    ]  # fmt: skip
    assert all("canary" not in text and "****" in text for text in shown)


def test_its_repr_says_where_it_came_from(secret: Secret) -> None:
    assert ".env:3" in repr(secret)


def test_it_is_neither_pickled_nor_serialised(secret: Secret) -> None:
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        pickle.dumps(ConnectionSettings("prod", "source", "h", 1, "d", "u", secret))


def test_it_has_no_dict_to_dump(secret: Secret) -> None:
    assert not hasattr(secret, "__dict__")


def test_copies_of_what_holds_it_still_hide_it(secret: Secret) -> None:
    settings = ConnectionSettings("prod", "source", "h", 1, "d", "u", secret)
    assert "canary" not in str(dataclasses.asdict(settings))
    assert copy.deepcopy(settings).password == secret


def test_an_exception_about_settings_does_not_show_it(secret: Secret) -> None:
    settings = ConnectionSettings("prod", "source", "h", 1, "d", "u", secret)
    assert "canary" not in repr(ValueError(settings))


def test_equal_secrets_are_equal_wherever_they_came_from(secret: Secret) -> None:
    assert secret == Secret(VALUE, "elsewhere")
    assert secret != Secret(VALUE + "x", ".env:3")
    assert secret != VALUE


def test_an_empty_secret_is_false() -> None:
    assert not Secret("", "default")
