"""Send events to receivers: each until it was accepted, in order for each series, and by one process at a time.

An event is claimed before it is sent. If the process is killed between the receiver's answer and the note of it, the
claim ends after ``CLAIM_SECONDS``, and the event is sent once more, with the same key and sequence. That is counted in
``repeats`` and reported.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from django.db import DatabaseError, connections
from django.db.models import F, Q
from django.db.models.functions import Now

from zemanta_ops.metrics.gauges.loop import read_clock
from zemanta_ops.models import AlertEvent
from zemanta_ops.stack.alerting.notification import Notification
from zemanta_ops.stack.alerting.receivers import LONGEST_TIMEOUT, Receiver, RefusedError
from zemanta_ops.stack.alerting.receivers.base import describe_failure
from zemanta_ops.stack.alerting.steps import mark_step
from zemanta_ops.stack.alerting.store import get_table

Outcome = Literal["sent", "refused", "skipped", "waiting"]

CLAIM_SECONDS = 2.0 * LONGEST_TIMEOUT
# The wait after a failure: doubled each time, up to the longest.
FIRST_WAIT = 5.0
LONGEST_WAIT = 300.0
# A receiver may ask to be left alone for at most this long.
LONGEST_RETRY_AFTER = 3_600.0
# A receiver that failed this often in one round gets the rest in the next one.
MAX_FAILURES = 2
# Seconds between attempts to note what a receiver answered.
MARK_PAUSES = (0.5, 1.0, 2.0)
# How long the events of a receiver that was removed from the settings wait for it to come back.
UNKNOWN_SECONDS = 86_400
_NOT_ACCEPTED = (AlertEvent.REFUSED, AlertEvent.SKIPPED)
_UNKNOWN = "the receiver is not in RECEIVERS any more"
_TAKEN_OVER = "another process has taken over"
_CLAIMED = f"another process is sending it, or was killed while it did; it is sent again within {CLAIM_SECONDS:g} s"
# One round sends for about this long, so that alerts are judged in time. Each receiver with events has an equal part of
# it, so a slow one does not take the time of the others.
ROUND_SECONDS = 60.0


@dataclass(frozen=True)
class Delivery:
    """What happened to an event; ``problem`` is a sentence, or empty."""

    notification: Notification
    receiver: str
    outcome: Outcome
    problem: str = ""
    is_repeat: bool = False


@dataclass
class Sender:
    """Sends what is pending.

    Args:
        receivers: The receivers that can be used, by name.
        reasons: Why others cannot, by name.
        may_send: Called before each event; False if another process may be sending by now.

    """

    receivers: Mapping[str, Receiver]
    reasons: Mapping[str, str] = field(default_factory=dict)
    may_send: Callable[[], bool] = lambda: True
    _unmarked: dict[int, dict[str, Any]] = field(default_factory=dict)
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}")

    def send_pending(self, now: float) -> list[Delivery]:
        """Send every event that is due, and return what happened to each one that is or was pending."""
        self._failures: dict[str, int] = {}
        self._blocked: set[tuple[str, str]] = set()
        self._spent: dict[str, float] = {}
        self._mark_late()
        pending = list(get_table("AlertEvent").filter(status=AlertEvent.PENDING).order_by("sequence", "id"))
        self._part = ROUND_SECONDS / max(len({row.receiver for row in pending} & self.receivers.keys()), 1)
        return [delivery for row in pending if (delivery := self._handle(row, now)) is not None]

    def _handle(self, row: Any, now: float) -> Delivery | None:
        """Send one event, unless an earlier one of its series waits; None if another process has finished it."""
        place = (row.identity, row.receiver)
        delivery = self._try(row, now) if place not in self._blocked else self._wait(row, row.problem)
        if delivery is None or delivery.outcome == "waiting":
            self._blocked.add(place)
        return delivery

    def _try(self, row: Any, now: float) -> Delivery | None:
        receiver = self.receivers.get(row.receiver)
        if receiver is None:
            return self._handle_unusable(row, now)
        # A time too far ahead was noted before the clock was set back.
        if now < row.next_attempt <= now + LONGEST_RETRY_AFTER:
            return self._wait(row, row.problem)
        if self._failures.get(row.receiver, 0) >= MAX_FAILURES:
            return self._wait(row, row.problem or "it failed for other events")
        if self._spent.get(row.receiver, 0.0) > self._part:
            return self._wait(row, row.problem or "this round has no time left for it")
        if not self.may_send():
            return self._wait(row, _TAKEN_OVER)
        started = time.monotonic()
        try:
            return self._claim_and_send(row, receiver, now)
        finally:
            self._spent[row.receiver] = self._spent.get(row.receiver, 0.0) + time.monotonic() - started

    def _handle_unusable(self, row: Any, now: float) -> Delivery | None:
        """Keep the event of a faulty receiver, and for a day that of one that is not in the settings any more."""
        if row.receiver in self.reasons:
            return self._wait(row, self.reasons[row.receiver])
        if now - row.created_at < UNKNOWN_SECONDS:
            return self._wait(row, _UNKNOWN)
        return self._finish(row, "skipped", _UNKNOWN, now) if self._claim(row) else self._report_claimed(row)

    def _claim_and_send(self, row: Any, receiver: Receiver, now: float) -> Delivery | None:
        claimed_at = read_clock()
        with mark_step("claim"):
            is_mine = self._claim(row)
        if not is_mine:
            return self._report_claimed(row)
        is_repeat = row.claimed_until is not None
        if self._is_needless(row):
            return self._finish(row, "skipped", "the receiver never accepted that it began", now)
        if read_clock() - claimed_at > CLAIM_SECONDS / 2 or not self.may_send():
            # The process was frozen; somebody else may be sending by now.
            return self._wait(row, _TAKEN_OVER)
        try:
            with mark_step("send"):
                receiver.send(decode_notification(row.notification))
        except RefusedError as error:
            return self._finish(row, "refused", str(error), now, is_repeat=is_repeat)
        except Exception as error:  # noqa: BLE001  (a receiver of the project may raise anything)
            return self._postpone(row, error, now)
        return self._finish(row, "sent", "", now, is_repeat=is_repeat)

    def _claim(self, row: Any) -> bool:
        free = Q(claimed_until=None) | Q(claimed_until__lt=Now())
        # The clock of the database was set back.
        free |= Q(claimed_until__gt=Now() + timedelta(seconds=2 * CLAIM_SECONDS))
        mine = get_table("AlertEvent").filter(free, pk=row.pk, status=AlertEvent.PENDING)
        values = {"claimed_by": self.owner, "claimed_until": Now() + timedelta(seconds=CLAIM_SECONDS)}
        counted = {"attempts": F("attempts") + 1, "repeats": F("repeats") + int(row.claimed_until is not None)}
        return bool(mine.update(**values, **counted))

    def _report_claimed(self, row: Any) -> Delivery | None:
        """Return that an event waits for the process that has claimed it; None if that process has finished it."""
        is_pending = get_table("AlertEvent").filter(pk=row.pk, status=AlertEvent.PENDING).exists()
        return self._wait(row, _CLAIMED) if is_pending else None

    def _is_needless(self, row: Any) -> bool:
        """Return whether a resolve has nothing to resolve: no trigger since the last one can have been accepted."""
        if row.notification["action"] != "resolve":
            return False
        earlier = get_table("AlertEvent").filter(
            identity=row.identity, receiver=row.receiver, sequence__lt=row.sequence
        )
        triggers = itertools.takewhile(
            lambda each: each.notification["action"] == "trigger", earlier.order_by("-sequence")
        )
        found = [each.status in _NOT_ACCEPTED and each.attempts <= 1 for each in triggers]
        return bool(found) and all(found)

    def _finish(self, row: Any, outcome: Outcome, problem: str, now: float, *, is_repeat: bool = False) -> Delivery:
        if is_repeat:
            problem = problem or "sent again: an earlier attempt was interrupted, so it may have arrived twice"
        self._mark(row, status=outcome, problem=problem, finished_at=int(now))
        return self._describe(row, outcome, problem, is_repeat=is_repeat)

    def _postpone(self, row: Any, error: Exception, now: float) -> Delivery:
        self._failures[row.receiver] = self._failures.get(row.receiver, 0) + 1
        problem = describe_failure(error)
        asked = min(getattr(error, "retry_after", 0.0), LONGEST_RETRY_AFTER)
        self._mark(row, problem=problem, next_attempt=now + max(_find_wait(row), asked))
        if asked:
            # It is not about this event: the receiver wants to be left alone.
            self._failures[row.receiver] = MAX_FAILURES
            others = get_table("AlertEvent").filter(receiver=row.receiver, status=AlertEvent.PENDING)
            others.filter(next_attempt__lt=now + asked).update(next_attempt=now + asked)
        return self._wait(row, problem)

    def _mark(self, row: Any, **values: Any) -> None:
        """Note what happened to a claimed event. A database that is away must not make a repeat."""
        with mark_step("mark"):
            for pause in MARK_PAUSES:
                try:
                    self._update(row.pk, values)
                except DatabaseError:
                    _close(get_table("AlertEvent").db)
                    time.sleep(pause)
                else:
                    return
            self._unmarked[row.pk] = values
            self._update(row.pk, values)

    def _mark_late(self) -> None:
        """Note what the database could not store in an earlier round."""
        for key, values in list(self._unmarked.items()):
            self._update(key, values)

    def _update(self, key: int, values: Mapping[str, Any]) -> None:
        get_table("AlertEvent").filter(pk=key, claimed_by=self.owner).update(claimed_until=None, **values)
        self._unmarked.pop(key, None)

    def _wait(self, row: Any, problem: str) -> Delivery:
        return self._describe(row, "waiting", problem)

    def _describe(self, row: Any, outcome: Outcome, problem: str, *, is_repeat: bool = False) -> Delivery:
        return Delivery(decode_notification(row.notification), row.receiver, outcome, problem, is_repeat)


def decode_notification(stored: Mapping[str, Any]) -> Notification:
    """Return the notification that ``Notification.encode`` wrote."""
    known = {each.name for each in dataclasses.fields(Notification)}
    return Notification(**{name: value for name, value in stored.items() if name in known})


def _find_wait(row: Any) -> float:
    return float(min(FIRST_WAIT * 2.0 ** min(row.attempts, 16), LONGEST_WAIT))


def _close(alias: str) -> None:
    """Close a connection that may be broken; the next query opens another one."""
    connections[alias].close()
