"""What redaction returns for containers and bytes: the same object without a secret, and the same kind with one."""

from __future__ import annotations

import threading
from collections import UserList, deque
from typing import Any

import pytest

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.redaction import before_send, redact_value, values

SECRET = "example-secret-in-a-container"


@pytest.fixture(autouse=True)
def _revealed() -> None:
    ledger.reveal(SECRET)


def test_bytes_that_are_no_text_keep_every_byte() -> None:
    assert redact_value(b"\xff\xfe " + SECRET.encode()) == b"\xff\xfe <redacted>"
    clean = b"\xff\xfe plain"
    assert redact_value(clean) is clean


def test_a_container_in_itself_is_redacted_once() -> None:
    inner: list[Any] = [SECRET]
    inner.append(inner)
    first, again = redact_value(inner)
    assert first == "<redacted>"
    assert again is inner


def test_a_container_met_twice_is_redacted_both_times() -> None:
    inner = [SECRET]
    assert redact_value([inner, inner, {"a": inner}]) == [["<redacted>"], ["<redacted>"], {"a": ["<redacted>"]}]


def test_a_container_beside_itself_is_not_taken_for_one_in_itself() -> None:
    outer = [[SECRET], [[SECRET]], [[[SECRET]]]]
    assert redact_value(outer) == [["<redacted>"], [["<redacted>"]], [[["<redacted>"]]]]


@pytest.mark.parametrize("made", [list, tuple, set, frozenset, deque])
def test_the_kind_of_a_container_stays(made: type[Any]) -> None:
    class Own(made):  # type: ignore[misc]
        pass

    for kind in (made, Own):
        clean = redact_value(kind([SECRET]))
        assert type(clean) is made
        assert list(clean) == ["<redacted>"]
        same = kind(["plain"])
        assert redact_value(same) is same


def test_a_list_of_a_user_becomes_a_list() -> None:
    clean = redact_value(UserList([SECRET]))
    assert (type(clean), clean) == (list, ["<redacted>"])


def test_a_child_gets_a_lock_that_its_parent_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = threading.Lock()
    taken.acquire()
    monkeypatch.setattr(values, "_building", taken)
    values._reset_lock()
    assert values._building.acquire(blocking=False)
    assert values._building.acquire(blocking=False), "a signal handler of the same thread may ask too"


def test_every_text_of_an_event_of_sentry_is_redacted() -> None:
    event = {"a": [f"x {SECRET}", (1, {SECRET: f"{SECRET[:20]}..."})], "b": {"c": None}, "d": "plain"}
    assert before_send(event) == {
        "a": ["x <redacted>", [1, {"<redacted>": "<redacted>..."}]],
        "b": {"c": None},
        "d": "plain",
    }
