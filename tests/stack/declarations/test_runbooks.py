"""Where an alert leads, and how its message is filled in."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from zemanta_ops.stack.declarations import Alert, Objective, above, isolate, last, total
from zemanta_ops.stack.declarations.messages import fill_message, list_placeholders
from zemanta_ops.stack.declarations.runbooks import find_runbook, is_page, name_anchor


@pytest.fixture(autouse=True)
def no_declarations() -> Iterator[None]:
    with isolate():
        yield


def alert(name: str = "", runbook: str = "") -> Alert:
    return Alert(last("jobs.waiting"), crit=above(5), name=name, runbook=runbook)


def objective(name: str) -> Objective:
    return Objective(name, total=total("n"), bad={"status": "5*"}, target=0.9)


def test_an_anchor_is_made_of_the_kind_and_the_name() -> None:
    assert name_anchor(alert()) == "alert-jobs-waiting"
    assert name_anchor(alert("Too many, jobs!")) == "alert-too-many-jobs"
    assert name_anchor(objective("Check out")) == "objective-check-out"


def test_a_name_without_a_letter_has_a_checksum_for_an_anchor() -> None:
    assert name_anchor(alert("ö")) == f"alert-{zlib.crc32('ö'.encode()):08x}"
    # Not even this name, which cannot be encoded, raises.
    assert name_anchor(objective("\ud800")) == f"objective-{zlib.crc32(b'?'):08x}"
    # A small checksum has its zeros in front.
    assert name_anchor(alert("þ\u0139\u0416")).removeprefix("alert-").isalnum()
    assert len(name_anchor(alert("þ\u0139\u0416"))) == len("alert-") + 8


def test_an_alert_leads_to_its_own_runbook_else_to_its_section() -> None:
    own = "https://wiki.example.com/errors"
    with override_settings(ZEMANTA_OPS={"ALERTS": {"RUNBOOKS": "https://docs.example.com/runbooks"}}):
        assert find_runbook(alert(runbook=own)) == own
        assert find_runbook(alert()) == "https://docs.example.com/runbooks#alert-jobs-waiting"
        assert find_runbook(alert(runbook="javascript:alert(1)")).startswith("https://docs.example.com/")
    with override_settings(ZEMANTA_OPS={}):
        assert find_runbook(alert()) == ""


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("https://wiki.example.com/errors?page=5#top", True),
        ("http://wiki/a page/", True),
        ("https://wiki.example.com/a#b?c", True),
        ("https://wiki.example.com/?next=https://user:example@other.example.com", True),
        ("https://user:example@wiki.example.com/", False),
        ("javascript:alert(1)", False),
        ("wiki.example.com", False),
        (" https://wiki.example.com/", False),
        ("https://wiki.example.com/\n", False),
        ("https://wiki.example.com/\u202e", False),
        ("", False),
    ],
)
def test_a_page_is_an_address_of_http_without_credentials(address: str, page: bool) -> None:
    assert is_page(address) is page


def test_placeholders_are_listed_in_their_order() -> None:
    assert list_placeholders("{view}: {value:.1%} {{kept}} {} {a.b[0]!r}") == ["view", "value", "", "a.b[0]"]
    with pytest.raises(ValueError, match="expected"):
        list_placeholders("{value")


@pytest.mark.parametrize(
    ("message", "filled"),
    [
        ("no placeholder", "no placeholder"),
        ("{view}: {value:.1%} of {{requests}} fail", "home: 25.0% of {requests} fail"),
        ("{value}{value!r}{view!r}", "0.250.25'home'"),
        ("{a.b}", "dotted"),
        ("{view:>99}", "home".rjust(99)),
        ("{value:.10f}", "0.2500000000"),
    ],
)
def test_a_message_is_filled_in(message: str, filled: str) -> None:
    assert fill_message(message, {"value": 0.25, "view": "home", "a.b": "dotted"}) == filled


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("{other}", LookupError),
        ("{value.real}", LookupError),
        ("{view:d}", ValueError),
        ("{view:>100}", ValueError),
        ("{value:.100f}", ValueError),
    ],
)
def test_a_message_that_cannot_be_filled_in_raises(message: str, error: Any) -> None:
    with pytest.raises(error) as raised:
        fill_message(message, {"value": 0.25, "view": "home"})
    if "100" in message:
        assert str(raised.value) == "a width or a precision is above 99"
