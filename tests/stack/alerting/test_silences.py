"""Silences: what they hold back, until when, and of which series."""

from __future__ import annotations

import pytest

from tests.stack.alerting.listening import Listener
from tests.stack.alerting.playing import NOON, PlayedJudge, deploy, summarize
from zemanta_ops.stack.alerting.silences import add_silence, list_silences, remove_silence

pytestmark = pytest.mark.django_db

WHOLE = [("trigger", "warn", 1), ("trigger", "crit", 2), ("resolve", "ok", 3)]


def test_a_silence_holds_back_incidents_but_never_their_end(listener: Listener) -> None:
    shop = deploy(listener)
    shop.play(2)
    silence = add_silence("shop.*", {"view": "c*"}, NOON + 3_000, "a deploy", "somebody", NOON)
    shop.play(6, 0)
    assert summarize(listener) == [("trigger", "warn", 1), ("resolve", "ok", 2)]
    shop.play(6, 6)
    assert len(listener.taken) == 2
    assert remove_silence(silence.number)
    shop.play(6, 0)
    assert summarize(listener)[2:] == [("trigger", "crit", 3), ("resolve", "ok", 4)]


def test_a_silence_ends_by_itself_and_is_about_its_series_alone(listener: Listener) -> None:
    add_silence("shop.error_ratio", {"view": "cart"}, NOON + 150, "a deploy", "somebody", NOON)
    judge = PlayedJudge(values={"cart": 6.0, "pay": 6.0})
    shop = deploy(listener, judge)
    shop.check()
    assert [each.body["tags"]["view"] for each in listener.taken] == ["pay"]
    assert [each.is_silenced for each in shop.check().judged][:2] == [True, False]
    shop.check()
    assert [each.body["tags"]["view"] for each in listener.taken] == ["pay", "cart"]
    assert list_silences(NOON + 150) == []
    assert not remove_silence(99)


@pytest.mark.parametrize(
    ("pattern", "tags", "applies"),
    [
        ("shop.error_ratio", {}, True),
        ("*", {}, True),
        ("shop", {}, False),
        ("shop.error_rati?", {}, False),
        ("shop.[e]rror_ratio", {}, False),
        ("*", {"view": "[cart]"}, True),
        ("*", {"view": "[c*"}, True),
        ("*", {"view": "c"}, False),
        ("*", {"host": "a"}, False),
    ],
)
def test_what_a_silence_is_about(pattern: str, tags: dict[str, str], applies: bool) -> None:
    silence = add_silence(pattern, tags, NOON, "", "", NOON)
    assert silence.applies_to("shop.error_ratio", {"view": "[cart]"}) is applies
