"""One round of sending has a limit, which receivers share: a slow one takes nothing from the others."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from tests.stack.alerting.listening import Listener
from tests.stack.alerting.playing import Deployment, PlayedJudge, summarize, webhook
from zemanta_ops.stack.alerting import delivery
from zemanta_ops.stack.alerting.notification import Notification
from zemanta_ops.stack.alerting.receivers import Receiver, UnavailableError

pytestmark = pytest.mark.django_db

VIEWS = [f"view{number}" for number in range(10)]
SECONDS: list[float] = []


class Slow(Receiver):
    """Takes nine seconds for each event, and accepts it."""

    def send(self, notification: Notification) -> None:
        """Let the time pass."""
        SECONDS.append(9.0)


class Frozen(Receiver):
    """Takes its whole time-out, which is as long as a round, and fails."""

    def send(self, notification: Notification) -> None:
        """Let the time pass."""
        SECONDS.append(delivery.ROUND_SECONDS)
        raise UnavailableError("does not answer")


@pytest.fixture(autouse=True)
def played_time(monkeypatch: pytest.MonkeyPatch) -> None:
    SECONDS.clear()
    monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: sum(SECONDS), sleep=time.sleep))


def start(**receivers: Any) -> Deployment:
    return Deployment([PlayedJudge(values=dict.fromkeys(VIEWS, 6.0))], receivers)


@pytest.mark.parametrize("backend", [Slow, Frozen])
def test_a_slow_receiver_does_not_take_the_time_of_the_others(listener: Listener, backend: type[Receiver]) -> None:
    start(mail={"BACKEND": f"{__name__}.{backend.__name__}"}, pager=webhook(listener)).check()
    assert summarize(listener) == [("trigger", "crit", 1)] * len(VIEWS)


def test_what_no_time_is_left_for_is_sent_in_the_next_rounds_and_no_failure_is_reported() -> None:
    shop = start(mail={"BACKEND": f"{__name__}.Slow"})
    first = shop.check()
    assert [each.outcome for each in first.deliveries] == ["sent"] * 7 + ["waiting"] * 3
    assert {each.problem for each in first.deliveries} == {"", "this round has no time left for it"}
    assert [each.outcome for each in shop.check().deliveries] == ["sent"] * 3
