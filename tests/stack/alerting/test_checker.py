"""Rounds: levels become incidents, each opened, escalated and resolved once, whatever happens to the process."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.stack.alerting.listening import Listener
from tests.stack.alerting.playing import NOON, Deployment, PlayedJudge, deploy, outcomes, summarize, webhook
from zemanta_ops.models import AlertCheck, AlertEvent, AlertState
from zemanta_ops.stack.alerting import checker as checker_module
from zemanta_ops.stack.alerting.machine import Rule
from zemanta_ops.stack.databases import DatabaseError
from zemanta_ops.stack.declarations import above

pytestmark = pytest.mark.django_db

WHOLE = [("trigger", "warn", 1), ("trigger", "crit", 2), ("resolve", "ok", 3)]


def test_an_incident_opens_escalates_and_ends_once(listener: Listener) -> None:
    deploy(listener).play(0, 2, 2, 6, 6, 0, 0)
    assert summarize(listener) == WHOLE
    assert {each.body["dedup_key"] for each in listener.posted} == {"shop.error_ratio{view=cart}"}
    first = listener.posted[0].body
    assert (first["time"], first["value"], first["previous"]) == ("2023-11-15T12:02:00+00:00", 2.0, "ok")
    assert (first["details"], first["runbook"]) == ({"impact": "Nobody can pay."}, "https://wiki.example.com/errors")


def test_a_restart_before_every_round_changes_nothing(listener: Listener) -> None:
    shop = deploy(listener)
    for value in (0, 2, 2, 6, 6, 0, 0):
        shop.restart()
        shop.play(value)
    assert summarize(listener) == WHOLE


def test_many_rounds_within_one_window_judge_it_once(listener: Listener) -> None:
    judge = PlayedJudge(values={"cart": 2.0})
    shop = deploy(listener, judge)
    for _ in range(12):
        shop.check(1 / 12)
    assert judge.asked == [NOON, NOON + 60]
    assert summarize(listener) == WHOLE[:1]


def test_a_round_in_which_nothing_is_due_asks_the_database_two_questions(listener: Listener) -> None:
    judges = [PlayedJudge(f"alert-{number}", values={"cart": 0.0}) for number in range(20)]
    shop = deploy(listener, *judges)
    shop.check()
    with CaptureQueriesContext(connection) as queries:
        shop.check(0.1)
    # The silences, and what is pending.
    assert len(queries) == 2


def test_each_series_has_an_incident_of_its_own(listener: Listener) -> None:
    judge = PlayedJudge(values={"cart": 6.0, "home": 0.0, "pay": 2.0})
    shop = deploy(listener, judge)
    shop.check()
    judge.values = {"cart": 0.0, "home": 0.0, "pay": 2.0}
    shop.check()
    assert [(each.body["tags"]["view"], each.body["level"]) for each in listener.taken] == [
        ("cart", "crit"),
        ("pay", "warn"),
        ("cart", "ok"),
    ]
    assert AlertState.objects.count() == 2


def test_a_receiver_for_crit_alone_hears_nothing_of_warnings(listener: Listener) -> None:
    Deployment([PlayedJudge()], {"pager": webhook(listener, LEVEL="crit")}).play(2, 6, 2, 6, 0)
    assert summarize(listener) == [
        ("trigger", "crit", 1),
        ("resolve", "ok", 2),
        ("trigger", "crit", 3),
        ("resolve", "ok", 4),
    ]


def test_a_receiver_that_is_added_learns_of_what_is_open(listener: Listener) -> None:
    shop = Deployment([PlayedJudge()], {})
    shop.play(6)
    shop.receivers["pager"] = webhook(listener)
    shop.restart()
    shop.play(6, 6, 0)
    assert summarize(listener) == [("trigger", "crit", 1), ("resolve", "ok", 2)]


def test_a_faulty_receiver_keeps_its_events_until_it_is_corrected(listener: Listener) -> None:
    shop = Deployment([PlayedJudge()], {"pager": {"BACKEND": "webhook"}})
    (report, _) = shop.play(6, 6)
    assert outcomes(report)[0][0] == "waiting"
    assert "has no URL" in outcomes(report)[0][1]
    shop.receivers["pager"] = webhook(listener)
    shop.restart()
    shop.play(6, 0)
    assert summarize(listener) == [("trigger", "crit", 1), ("resolve", "ok", 2)]


def test_missing_data_means_what_the_alert_says(listener: Listener) -> None:
    shop = deploy(listener, PlayedJudge(rule=Rule(above(1), above(5), no_data="alert")))
    shop.play(0, None, None, 0)
    assert summarize(listener) == [("trigger", "crit", 1), ("resolve", "ok", 2)]


def test_one_that_never_had_data_alerts_too(listener: Listener) -> None:
    deploy(listener, PlayedJudge(rule=Rule(crit=above(5), no_data="alert"), is_tagged=False)).play(None)
    assert [each.body["dedup_key"] for each in listener.taken] == ["shop.error_ratio"]


def test_after_a_pause_a_problem_that_lasted_is_reported_at_once(listener: Listener) -> None:
    judge = PlayedJudge(rule=Rule(above(1), for_seconds=120), values={"cart": 0.0})
    shop = deploy(listener, judge)
    shop.check()
    judge.values, judge.asked = {"cart": 2.0}, []
    shop.check(30)
    assert judge.asked == [NOON + 60 * minute for minute in (29, 30, 31)]
    assert summarize(listener) == [("trigger", "warn", 1)]


def test_a_clock_that_is_set_back_a_little_judges_no_window_again(listener: Listener) -> None:
    judge = PlayedJudge(values={"cart": 2.0})
    shop = deploy(listener, judge)
    shop.check(5)
    shop.check(-0.2)
    assert judge.asked == [NOON + 300]
    assert summarize(listener) == [("trigger", "warn", 1)]


def test_a_clock_that_is_set_back_far_goes_on_from_there(listener: Listener) -> None:
    judge = PlayedJudge(values={"cart": 2.0})
    shop = deploy(listener, judge)
    shop.check(600_000)
    shop.check(-600_000)
    shop.check()
    judge.values = {"cart": 0.0}
    shop.check()
    assert judge.asked[1:] == [NOON, NOON + 60, NOON + 120]
    assert summarize(listener) == [("trigger", "warn", 1), ("resolve", "ok", 2)]


def test_a_clock_that_is_set_back_does_not_delay_what_is_tried_again(listener: Listener) -> None:
    shop = deploy(listener)
    listener.reply.status = 500
    shop.minute = 600_000
    shop.play(6)
    listener.reply.status = 202
    shop.minute = 0
    shop.check()
    assert summarize(listener) == [("trigger", "crit", 1)]


def test_a_flapping_alert_sends_few_messages_and_says_so(listener: Listener) -> None:
    deploy(listener).play(*[6, 0] * 12, *[0] * 20)
    assert len(listener.taken) == 6
    assert [each.body["action"] for each in listener.taken] == ["trigger", "resolve"] * 3
    assert "flapping" not in listener.taken[-1].body["details"]
    states = deploy(listener).play(*[6, 0] * 3, 2)
    assert states[-1].judged[0].state.memory.is_flapping


def test_a_series_that_is_gone_for_a_week_is_resolved_and_forgotten(listener: Listener) -> None:
    shop = deploy(listener)
    shop.play(6, None)
    shop.check(7 * 1_440 + 1)
    assert summarize(listener) == [("trigger", "crit", 1), ("resolve", "ok", 2)]
    assert listener.taken[-1].body["summary"].endswith(": no data for a week")
    assert AlertState.objects.filter(alert_id="shop.error_ratio").count() == 0
    shop.play(6)
    assert summarize(listener)[2:] == [("trigger", "crit", 3)]


def test_what_nobody_declares_any_more_is_resolved(listener: Listener) -> None:
    old = PlayedJudge("old")
    deploy(listener, old).play(6)
    shop = deploy(listener, PlayedJudge(), declared=["shop.error_ratio"])
    shop.play(0)
    assert [(each.body["dedup_key"], each.body["level"]) for each in listener.taken] == [
        ("old{view=cart}", "crit"),
        ("old{view=cart}", "ok"),
    ]
    assert listener.taken[-1].body["summary"] == "old is no longer declared"
    assert set(AlertCheck.objects.values_list("name", flat=True)) == {"shop.error_ratio", "zemanta_ops.check_alerts"}


def test_what_is_declared_but_faulty_or_unknown_keeps_its_state(listener: Listener) -> None:
    deploy(listener, PlayedJudge("old")).play(6)
    deploy(listener, PlayedJudge(), declared=["shop.error_ratio", "old"]).play(0)
    deploy(listener, PlayedJudge()).play(0)
    assert summarize(listener) == [("trigger", "crit", 1)]


def test_one_alert_that_cannot_be_judged_does_not_stop_the_others(listener: Listener) -> None:
    broken = PlayedJudge("broken", error=DatabaseError("refused", "bad query"))
    report = deploy(listener, broken, PlayedJudge(values={"cart": 6.0})).check()
    assert report.problems == ["broken cannot be judged: bad query"]
    assert summarize(listener) == [("trigger", "crit", 1)]


def test_a_database_that_is_away_is_asked_once_a_round_and_calls_a_person_after_five_minutes(
    listener: Listener,
) -> None:
    away = DatabaseError("timeout", "no answer within 10 s")
    first, second = PlayedJudge("first", error=away), PlayedJudge("second", error=away)
    shop = deploy(listener, first, second)
    for _ in range(6):
        assert summarize(listener) == []
        shop.check()
    assert second.asked == []
    assert [(each.body["dedup_key"], each.body["level"]) for each in listener.taken] == [
        ("zemanta_ops.check_alerts", "crit")
    ]
    assert "no answer within 10 s" in listener.taken[0].body["summary"]
    first.error = second.error = None
    shop.check()
    assert summarize(listener) == [("trigger", "crit", 1), ("resolve", "ok", 2)]


def test_an_alert_that_could_not_be_judged_is_judged_again_in_the_next_round(listener: Listener) -> None:
    judge = PlayedJudge(values={"cart": 6.0}, error=DatabaseError("server", "it failed"))
    shop = deploy(listener, judge)
    shop.check()
    judge.error = None
    shop.check(0.1)
    assert summarize(listener) == [("trigger", "crit", 1)]


def test_a_message_that_cannot_be_formatted_is_noted_and_sent(listener: Listener) -> None:
    judge = PlayedJudge(values={"cart": 6.0}, problem="the message cannot be formatted (KeyError)")
    (event,) = deploy(listener, judge).check().events
    assert event.problem == "the message cannot be formatted (KeyError)"
    assert summarize(listener) == [("trigger", "crit", 1)]


def test_without_a_sender_nothing_is_stored_and_nothing_is_sent(listener: Listener) -> None:
    shop = deploy(listener, PlayedJudge(values={"cart": 6.0}))
    shop.checker.sender = None
    report = shop.check()
    assert [each.notification.level for each in report.events] == ["crit"]
    assert (AlertCheck.objects.count(), AlertEvent.objects.count(), listener.posted) == (0, 0, [])


def test_tags_that_a_database_cannot_store_are_changed(listener: Listener) -> None:
    deploy(listener, PlayedJudge(values={"a\0b\ud800": 6.0})).check()
    assert listener.taken[0].body["tags"] == {"view": "a\ufffdb?"}


def test_old_events_are_deleted(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = deploy(listener)
    shop.play(6, 0)
    assert AlertEvent.objects.count() == 2
    shop.check(31 * 1_440)
    assert AlertEvent.objects.count() == 0
    monkeypatch.setattr(checker_module, "FORGET_SECONDS", 10**9)
    shop.play(6)
    assert summarize(listener)[2:] == [("trigger", "crit", 3)]


def test_series_without_trouble_need_no_rows(listener: Listener) -> None:
    shop = deploy(listener, PlayedJudge(values={f"view-{number}": 0.0 for number in range(500)}))
    shop.check()
    assert AlertState.objects.exclude(alert_id="zemanta_ops.check_alerts").count() == 0
