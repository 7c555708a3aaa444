"""Every event arrives, in order and once: whatever the receiver answers, and whoever else is sending."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from tests.stack.alerting.listening import DRIP, HANG, Listener, Reply, listening
from tests.stack.alerting.playing import Deployment, PlayedJudge, deploy, outcomes, summarize, webhook
from zemanta_ops.models import AlertEvent
from zemanta_ops.stack.alerting import delivery, steps
from zemanta_ops.stack.alerting.checker import Report

pytestmark = pytest.mark.django_db

WHOLE = [("trigger", "warn", 1), ("trigger", "crit", 2), ("resolve", "ok", 3)]
TOLD = [0, 2, 6, 0]


def wait_it_out(shop: Deployment, minutes: int = 12) -> list[Report]:
    return shop.play(*[0] * minutes)


@pytest.mark.parametrize(
    ("status", "minutes"),
    [(500, 60), (503, 5), (429, 5), (401, 5), (404, 5), (307, 5), (HANG, 1), (DRIP, 1)],
)
def test_a_receiver_that_fails_for_long_loses_nothing_and_gets_nothing_twice(
    listener: Listener, status: int, minutes: int
) -> None:
    shop = Deployment([PlayedJudge()], {"pager": webhook(listener, TIMEOUT=1)})
    listener.reply = Reply(status)
    shop.play(*TOLD, *[0] * minutes)
    assert summarize(listener) == []
    assert 2 <= len(listener.posted) <= minutes + 3
    listener.reply = Reply()
    wait_it_out(shop)
    assert summarize(listener) == WHOLE


def test_a_receiver_that_is_down_for_an_hour_gets_all_of_it_afterwards() -> None:
    with listening() as first:
        port = first.server_port
    shop = deploy(first)
    reports = shop.play(*TOLD, *[0] * 60)
    assert outcomes(reports[-1])[0] == ("waiting", "Connection refused")
    with listening(port) as second:
        wait_it_out(shop)
        assert summarize(second) == WHOLE


def test_attempts_wait_longer_each_time(listener: Listener) -> None:
    shop = deploy(listener)
    listener.reply = Reply(500)
    shop.play(6)
    for _ in range(240):
        shop.check(1 / 12)
    # After 5, 10, 20, 40, 80 and 160 seconds, and then every 300.
    assert 9 <= len(listener.posted) <= 11


def test_retry_after_is_kept_for_all_events_of_the_receiver(listener: Listener) -> None:
    judge = PlayedJudge(values={"cart": 6.0, "pay": 6.0})
    shop = deploy(listener, judge)
    listener.replies.append(Reply(429, {"Retry-After": "600"}))
    for _ in range(9):
        shop.check()
    assert len(listener.posted) == 1
    shop.check(2)
    assert summarize(listener) == [("trigger", "crit", 1)] * 2


def test_a_receiver_may_not_ask_to_be_left_alone_for_ever(listener: Listener) -> None:
    shop = deploy(listener)
    listener.replies.append(Reply(503, {"Retry-After": "999999"}))
    shop.play(6)
    shop.check(61)
    assert summarize(listener) == [("trigger", "crit", 1)]


def test_a_refused_event_is_never_sent_again_and_the_others_get_theirs(listener: Listener) -> None:
    with listening() as other:
        shop = Deployment([PlayedJudge()], {"pager": webhook(listener), "chat": webhook(other)})
        listener.reply = Reply(400)
        first, second, _, last = shop.play(6, 6, 6, 0)
        assert sorted(outcomes(first)) == [("refused", "refused with status 400"), ("sent", "")]
        assert outcomes(second) == []
        assert sorted(outcomes(last)) == [("sent", ""), ("skipped", "the receiver never accepted that it began")]
        assert summarize(other) == [("trigger", "crit", 1), ("resolve", "ok", 2)]
    assert len(listener.posted) == 1


def test_after_a_refusal_the_escalation_is_tried_and_then_resolved(listener: Listener) -> None:
    listener.replies.append(Reply(400))
    deploy(listener).play(2, 6, 0)
    assert summarize(listener) == WHOLE[1:]


def test_a_trigger_that_may_have_arrived_before_it_was_refused_is_resolved(listener: Listener) -> None:
    listener.replies += [Reply(500), Reply(400)]
    shop = deploy(listener)
    shop.play(6, 6, 0)
    assert summarize(listener) == [("resolve", "ok", 2)]


def test_a_new_incident_after_a_skipped_one_is_sent(listener: Listener) -> None:
    listener.replies.append(Reply(400))
    deploy(listener).play(6, 0, 6, 0)
    assert summarize(listener) == [("trigger", "crit", 3), ("resolve", "ok", 4)]


def test_one_event_that_always_fails_does_not_hold_up_other_alerts(listener: Listener) -> None:
    judge = PlayedJudge(values={f"view-{number}": 6.0 for number in range(6)})
    shop = deploy(listener, judge)
    listener.replies += [Reply(500), Reply(500)]
    shop.check()
    assert len(listener.posted) == delivery.MAX_FAILURES
    shop.check(0.01)
    assert len(listener.taken) == 4
    shop.check(1)
    assert len(listener.taken) == 6


def test_a_receiver_that_hangs_does_not_hold_up_other_receivers(listener: Listener) -> None:
    with listening() as other:
        listener.reply = Reply(HANG)
        Deployment([PlayedJudge()], {"a": webhook(listener, TIMEOUT=1), "b": webhook(other)}).play(6)
        assert summarize(other) == [("trigger", "crit", 1)]


def test_a_bug_in_a_receiver_is_reported_by_its_class_alone(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    shop = deploy(listener)

    def send(notification: object) -> None:
        raise RuntimeError("example-token")

    assert shop.checker.sender is not None
    monkeypatch.setattr(shop.checker.sender.receivers["pager"], "send", send)
    assert outcomes(shop.play(6)[0]) == [("waiting", "it raised RuntimeError")]
    assert "example-token" not in str(list(AlertEvent.objects.values()))


class TwoAtOnce:
    """Runs the rounds of another process in the middle of one."""

    def __init__(self, step: str, other: Deployment) -> None:
        self.step = step
        self.other = other
        self.is_done = False

    def __call__(self, step: str) -> None:
        if step == self.step and not self.is_done:
            self.is_done = True
            self.other.check()


@pytest.mark.parametrize(
    "step", [f"{when} {what}" for what in ("commit", "write", "claim", "send", "mark") for when in ("before", "after")]
)
def test_two_leaders_for_a_moment_send_each_event_once(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first, second = deploy(listener), deploy(listener)
    for value in (0, 2, 6, 0):
        for shop in (first, second):
            for judge in shop.judges:
                judge.values = {"cart": value}
        monkeypatch.setattr(steps, "step_hook", TwoAtOnce(step, second))
        first.check()
        monkeypatch.setattr(steps, "step_hook", lambda step: None)
        second.minute = first.minute
    assert summarize(listener) == WHOLE


def test_a_leader_that_was_overtaken_writes_nothing(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = deploy(listener), deploy(listener)
    slow.play(0)
    quick.minute = 2
    quick.judges[0].values = {"cart": 0.0}
    monkeypatch.setattr(steps, "step_hook", TwoAtOnce("before commit", quick))
    slow.play(6)
    assert (AlertEvent.objects.count(), listener.posted) == (0, [])


def test_a_leader_that_lost_its_lease_sends_nothing(listener: Listener) -> None:
    shop = deploy(listener)
    assert shop.checker.sender is not None
    shop.checker.sender.may_send = lambda: False
    assert outcomes(shop.play(6)[0]) == [("waiting", "another process has taken over")]
    shop.restart()
    shop.play(6)
    assert summarize(listener) == [("trigger", "crit", 1)]


def test_a_leader_that_loses_its_lease_between_claim_and_send_sends_nothing(listener: Listener) -> None:
    shop = deploy(listener)
    answers = iter([True, False])
    assert shop.checker.sender is not None
    shop.checker.sender.may_send = lambda: next(answers)
    shop.play(6)
    assert listener.posted == []


def test_the_events_of_a_receiver_that_is_gone_wait_a_day(listener: Listener) -> None:
    shop = Deployment([PlayedJudge()], {"old": {"BACKEND": "webhook"}})
    shop.play(6)
    shop.receivers = {"pager": webhook(listener)}
    shop.restart()
    shop.check()
    assert AlertEvent.objects.filter(receiver="old").get().status == "pending"
    shop.check(1_440)
    gone = AlertEvent.objects.filter(receiver="old").get()
    assert (gone.status, gone.problem) == ("skipped", "the receiver is not in RECEIVERS any more")
    with listening() as old:
        shop.receivers["old"] = webhook(old)
        shop.restart()
        shop.play(0, 6)
        assert summarize(old) == [("trigger", "crit", 3)]


def test_a_process_that_was_frozen_before_a_send_leaves_it_to_others(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = deploy(listener)
    clock = [0.0]

    def freeze(step: str) -> None:
        clock[0] += 100 if step == "after claim" else 0

    monkeypatch.setattr(delivery, "read_clock", lambda: clock[0])
    monkeypatch.setattr(steps, "step_hook", freeze)
    shop.play(6)
    assert listener.posted == []


def test_a_database_that_is_locked_for_a_moment_after_a_send_makes_no_repeat(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = deploy(listener)
    monkeypatch.setattr(delivery, "MARK_PAUSES", (0.01, 0.01))
    failures = [OperationalError("database is locked")] * 2
    queryset = type(AlertEvent.objects.all())
    update = queryset.update

    def fail(self: Any, **values: Any) -> int:
        if values.get("status") == "sent" and failures:
            raise failures.pop()
        return update(self, **values)

    monkeypatch.setattr(queryset, "update", fail)
    monkeypatch.setattr(delivery, "_close", lambda alias: None)
    shop.play(6, 6)
    assert (failures, summarize(listener)) == ([], [("trigger", "crit", 1)])


def test_a_claim_that_was_left_behind_ends_and_the_repeat_is_counted(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(step: str) -> None:
        if step == "after send":
            raise Killed

    shop = deploy(listener)
    monkeypatch.setattr(steps, "step_hook", kill)
    with pytest.raises(Killed):
        shop.play(6)
    monkeypatch.setattr(steps, "step_hook", lambda step: None)
    shop.restart()
    ((outcome, problem),) = outcomes(shop.check())
    assert (outcome, "was killed while it did" in problem) == ("waiting", True)
    assert summarize(listener) == [("trigger", "crit", 1)]
    assert AlertEvent.objects.update(claimed_until=Now() - timedelta(seconds=1)) == 1
    (found,) = shop.check().deliveries
    assert (found.outcome, found.is_repeat) == ("sent", True)
    assert "it may have arrived twice" in found.problem
    assert summarize(listener) == [("trigger", "crit", 1)] * 2
    assert AlertEvent.objects.get().repeats == 1
