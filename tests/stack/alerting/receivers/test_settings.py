"""What is wrong with RECEIVERS: each receiver alone, each fault with an id, and never a value."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from tests.secrets.tokens import made
from tests.stack.alerting.receivers.sending import ROUTING_KEY, TRIGGER, read
from zemanta_ops.checks.alerts import check_receivers
from zemanta_ops.secrets import Secret, ledger
from zemanta_ops.secrets.modes import Deferred
from zemanta_ops.stack.alerting.notification import Notification
from zemanta_ops.stack.alerting.receivers import DeployReceiver, Receiver, ReceiverOption, read_receivers

PAGER = {"BACKEND": "pagerduty", "ROUTING_KEY": ROUTING_KEY}
CHAT = {"BACKEND": "webhook", "URL": "http://127.0.0.1:9/example-token", "KEY": "example-key"}


class Sms(Receiver):
    """A receiver of a project."""

    options = (ReceiverOption("NUMBER", str),)

    def send(self, notification: Notification) -> None:
        """Keep it."""
        SENT.append((self.values["NUMBER"], notification.summary))


class NotOne:
    """Not a receiver."""


class Unfinished(DeployReceiver):
    """A receiver that cannot send deploys."""

    def send(self, notification: Notification) -> None:
        """Do nothing."""


class Broken(Sms):
    """A receiver that cannot be created."""

    def __init__(self, name: str, values: Any) -> None:
        raise RuntimeError("example-token")


def look_up(value: str) -> str:
    return {"one": "1"}[value]


def convert(value: str) -> str:
    return str(int(value))


class Talkative(Receiver):
    """A receiver whose functions repeat what they do not accept."""

    options = (ReceiverOption("A", look_up, "1"), ReceiverOption("B", convert, "1", is_credential=True))

    def send(self, notification: Notification) -> None:
        """Do nothing."""


SENT: list[tuple[str, str]] = []


@pytest.fixture(autouse=True)
def fresh_ledger() -> Iterator[None]:
    """Let no later test redact the example secrets."""
    yield
    ledger.forget()


def check(**receivers: Any) -> list[tuple[str, str]]:
    with override_settings(ZEMANTA_OPS={"ALERTS": {"RECEIVERS": receivers}}):
        return [(str(each.id).removeprefix("zemanta_ops."), f"{each.msg} {each.hint}") for each in check_receivers()]


def test_receivers_as_the_documentation_shows_them_are_usable() -> None:
    found = read(pager=PAGER, chat=CHAT, mail={"BACKEND": "email", "TO": ["ops@example.com"], "LEVEL": "crit"})
    assert (found.faults, list(found.usable)) == ([], ["pager", "chat", "mail"])
    assert [each.values["LEVEL"] for each in found.usable.values()] == ["warn", "warn", "crit"]


@pytest.mark.parametrize(
    ("given", "id_", "words"),
    [
        ({}, "E301", "has no BACKEND. Known: apprise, email, pagerduty, webhook"),
        ({"BACKEND": 5}, "E301", "has no BACKEND"),
        ("pagerduty", "E301", 'is not a dict. Write {"BACKEND": …} with its options'),
        (["example-token"], "E301", "is not a dict"),
        (None, "E301", "is not a dict"),
        ({"BACKEND": "pagerdutty"}, "E301", "Did you mean pagerduty?"),
        ({"BACKEND": "carrier-pigeon"}, "E301", "Known: apprise"),
        ({"BACKEND": "nowhere.Pager"}, "E301", "cannot be imported (ModuleNotFoundError)"),
        ({"BACKEND": f"{__name__}.NotOne"}, "E301", "is not a class of receivers"),
        ({"BACKEND": f"{__name__}.Unfinished"}, "E301", "cannot be used (TypeError). Define in it: send_deploy."),
        ({"BACKEND": f"{__name__}.Broken", "NUMBER": "1"}, "E301", "cannot be used (RuntimeError). Correct its"),
        ({"BACKEND": f"{__name__}.Talkative", "A": "example-token"}, "E303", "has a A that has the wrong type"),
        ({"BACKEND": f"{__name__}.Talkative", "B": "example-token"}, "E303", "has a B that is not accepted"),
        ({"BACKEND": f"{__name__}.Sms"}, "E302", "has no NUMBER. Add NUMBER."),
        ({"BACKEND": "pagerduty"}, "E302", "has no ROUTING_KEY. Add ROUTING_KEY, as a Secret."),
        ({**PAGER, "ROUTINGKEY": "x"}, "E302", "Did you mean ROUTING_KEY?"),
        ({**PAGER, "ROUTING_KEY": "example"}, "E303", "32 letters and digits"),
        ({**PAGER, "ROUTING_KEY": f"{ROUTING_KEY}\n"}, "E303", "must be printable ASCII"),
        ({**PAGER, "ROUTING_KEY": None}, "E303", "must be a string"),
        ({**PAGER, "URL": "events.pagerduty.com"}, "E303", "has a URL that must start with http:// or https://"),
        ({**CHAT, "URL": "https://user:example-token@host/"}, "E303", "must not have credentials"),
        ({**CHAT, "URL": "https://host/\n"}, "E303", "has a URL that"),
        ({**CHAT, "URL": "https://host/?a=ü"}, "E303", "printable ASCII"),
        ({**CHAT, "TIMEOUT": 0}, "E303", "must be a number from 1 to 60"),
        ({**CHAT, "LEVEL": "page"}, "E303", "must be one of warn, crit"),
        ({"BACKEND": "email", "TO": []}, "E303", "must be a list of e-mail addresses"),
        ({"BACKEND": "email", "TO": ["nobody"]}, "E303", "must be a list of e-mail addresses"),
        ({"BACKEND": "apprise", "URL": "nothing://example-token"}, "E303", "must be an address that apprise knows"),
    ],
)
def test_each_mistake_has_an_id_and_leaves_the_others_usable(given: Any, id_: str, words: str) -> None:
    ((found, text),) = [each for each in check(bad=given) if each[0] != "W301"]
    assert found == id_
    assert words in text
    assert "example-token" not in text
    assert list(read(bad=given, pager=PAGER).usable) == ["pager"]
    assert read(bad=given, pager=PAGER).names == ["bad", "pager"]


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "x" * 300, "pager\n", "pager\0", "\ud800"])
def test_a_name_that_no_event_can_be_stored_under_is_refused_and_the_others_stay(name: str) -> None:
    ((id_, text),) = [each for each in check(**{name: PAGER}) if each[0] != "W301"]
    assert id_ == "E301"
    assert text.endswith(", which must be 1 to 100 printable characters. Rename it.")
    assert len(text) < 150
    found = read(**{name: PAGER, "x" * 100: PAGER})
    assert (list(found.usable), list(found.least_levels), found.names) == (["x" * 100],) * 3


def test_a_name_that_is_a_number_is_a_name() -> None:
    with override_settings(ZEMANTA_OPS={"ALERTS": {"RECEIVERS": {5: PAGER, "chat": CHAT}}}):
        assert list(read_receivers().usable) == ["5", "chat"]


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    ((id_, text),) = check(chat={"BACKEND": "apprise", "URL": ""})
    assert (id_, 'Run: pip install "zemanta-ops[apprise]"' in text) == ("E304", True)


def test_a_credential_in_plain_text_is_a_warning_and_a_secret_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    found = check(pager=PAGER, chat=CHAT)
    assert [id_ for id_, _ in found] == ["W301", "W301"]
    assert ROUTING_KEY not in str(found)
    monkeypatch.setattr(ledger, "_revealed", frozenset({ROUTING_KEY, "example-key"}))
    assert check(pager=PAGER, chat=CHAT) == []


def test_a_secret_that_was_not_resolved_is_decrypted() -> None:
    found = read(pager={**PAGER, "ROUTING_KEY": Secret(made("plain", ROUTING_KEY))})
    assert found.usable["pager"].values["ROUTING_KEY"] == ROUTING_KEY


def test_a_secret_that_this_process_does_not_decrypt_is_no_mistake_but_makes_the_receiver_unusable() -> None:
    deferred = {**PAGER, "ROUTING_KEY": Deferred("ZEMANTA_OPS.ALERTS")}
    assert check(pager=deferred) == []
    (fault,) = read(pager=deferred).faults
    assert "is a secret that is not decrypted" in fault.text


def test_a_receiver_of_the_project_is_one_class() -> None:
    read(sms={"BACKEND": f"{__name__}.Sms", "NUMBER": "+1 555 0100"}).usable["sms"].send(TRIGGER)
    assert SENT == [("+1 555 0100", "cart: 25.0% of requests fail")]


def test_without_receivers_nothing_is_checked() -> None:
    with override_settings(ZEMANTA_OPS={}):
        assert check_receivers() == []
