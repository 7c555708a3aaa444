"""annotate_deploy also announces the deploy to receivers that show deploys."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.stack.alerting.listening import Listener, Reply
from tests.stack.alerting.receivers.sending import ROUTING_KEY
from tests.stack.answering import Answer, answering
from zemanta_ops.stack.alerting import deploys


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploys, "PAUSE", 0.01)
    monkeypatch.setattr(deploys, "LONGEST_PAUSE", 0.01)


def annotate(url: str, **receivers: Any) -> tuple[int, str, str]:
    out = StringIO()
    section = {
        "METRICS": {"TAGS": {"app": "print-shop"}},
        "INFLUXDB": {"URL": url, "DATABASE": "telegraf"},
        "ALERTS": {"RECEIVERS": receivers},
    }
    with override_settings(ZEMANTA_OPS=section):
        try:
            call_command("annotate_deploy", "2.4.1", "--text", "Faster search", stdout=out)
        except CommandError as error:
            return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), ""


def pager(listener: Listener) -> dict[str, str]:
    return {"BACKEND": "pagerduty", "ROUTING_KEY": ROUTING_KEY, "URL": listener.url}


def test_pagerduty_gets_a_change_event_and_a_webhook_does_not(listener: Listener) -> None:
    chat = {"BACKEND": "webhook", "URL": listener.url}
    with answering(lambda request: Answer()) as database:
        code, out, _ = annotate(database.url, pager=pager(listener), chat=chat)
    assert (code, out.splitlines()[1]) == (0, "announced 2.4.1: Faster search to pager")
    (posted,) = listener.posted
    assert (posted.path, posted.body["payload"]["summary"]) == ("/v2/change/enqueue", "2.4.1: Faster search")
    assert posted.body["payload"]["custom_details"] == {"version": "2.4.1", "app": "print-shop"}


@pytest.mark.parametrize(
    ("statuses", "code", "posts"), [([500, 429, 202], 0, 3), ([500, 503, 500], 5, 3), ([400, 202], 5, 1)]
)
def test_what_may_change_is_tried_again_and_a_refusal_is_not(
    listener: Listener, statuses: list[int], code: int, posts: int
) -> None:
    listener.replies += [Reply(status) for status in statuses]
    with answering(lambda request: Answer()) as database:
        found, out, error = annotate(database.url, pager=pager(listener))
    assert (found, len(listener.posted), "marked" in out) == (code, posts, True)
    assert ("pager did not accept the deploy" in error) == (code == 5)
    assert ROUTING_KEY not in error


def test_a_faulty_receiver_is_named_and_the_others_get_the_deploy(listener: Listener) -> None:
    with answering(lambda request: Answer()) as database:
        code, _, error = annotate(database.url, bad={"BACKEND": "pagerduty"}, pager=pager(listener))
    assert (code, len(listener.posted)) == (5, 1)
    assert "has no ROUTING_KEY" in error


def test_a_deploy_that_is_not_marked_is_not_announced(listener: Listener) -> None:
    assert annotate("http://127.0.0.1:9", pager=pager(listener))[0] == 4
    assert listener.posted == []
