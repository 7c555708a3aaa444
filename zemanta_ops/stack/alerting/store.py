"""State and events as rows. An event is written in the transaction that changes the state which calls for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import IntegrityError, router, transaction
from django.db.models import F, Max

from zemanta_ops.stack.alerting.machine import Level, decode_memory
from zemanta_ops.stack.alerting.notification import build_dedup_key
from zemanta_ops.stack.alerting.series import PlannedEvent, SeriesState, Told
from zemanta_ops.stack.alerting.steps import mark_step
from zemanta_ops.tables import describe_table_error

# How long sent events are kept, for list_alerts.
KEPT_SECONDS = 30 * 86_400


class OvertakenError(Exception):
    """Another process has judged the alert in the meantime; nothing was written."""


@dataclass
class AlertRecord:
    """An alert as it is stored; ``version`` 0 if it is not."""

    name: str
    version: int = 0
    window_end: int = 0
    series: dict[str, SeriesState] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The key of its row."""
        return build_dedup_key(self.name, {})


@dataclass
class AlertChange:
    """What a window changes.

    Attributes:
        window_end: How far the alert has been judged now.
        changed: The series whose row must be written.
        forgotten: The identities of series whose row is deleted.
        events: The events that follow.

    """

    window_end: int
    changed: list[SeriesState] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    events: list[PlannedEvent] = field(default_factory=list)


def get_table(name: str) -> Any:
    """Return the query set of a model, on the database that it is written to."""
    model: Any = apps.get_model("zemanta_ops", name)
    return model.objects.using(router.db_for_write(model))


def load_alert(name: str) -> AlertRecord:
    """Return what is stored about an alert."""
    row = get_table("AlertCheck").filter(identity=build_dedup_key(name, {})).first()
    if row is None:
        return AlertRecord(name)
    states = get_table("AlertState").filter(alert_id=row.identity)
    return AlertRecord(name, row.version, row.window_end, {each.identity: decode_state(each) for each in states})


def list_names() -> list[str]:
    """Return the names of all alerts that are stored."""
    return list(get_table("AlertCheck").values_list("name", flat=True))


def decode_state(row: Any) -> SeriesState:
    """Return the series that a row holds."""
    told = {receiver: Told(Level(level), sequence) for receiver, (level, sequence) in row.told.items()}
    return SeriesState(row.identity, row.tags, decode_memory(row.memory), told, row.value, row.seen_end)


def save_alert(record: AlertRecord, change: AlertChange, now: float) -> None:
    """Write a change of an alert in one transaction.

    Raises:
        OvertakenError: The alert is not as ``record`` has it any more.

    """
    table = get_table("AlertCheck")
    with mark_step("commit"):
        try:
            with transaction.atomic(using=table.db):
                # The first statement writes, so that SQLite takes its lock at once and nobody else reads in between.
                _take_version(table, record, change.window_end, int(now))
                _write_states(record.identity, change)
                _write_events(change.events, int(now))
        except IntegrityError:
            raise OvertakenError from None
    record.version += 1


def delete_alert(record: AlertRecord, events: Sequence[PlannedEvent], now: float) -> None:
    """Delete an alert and its series, and write the events that follow, in one transaction.

    Raises:
        OvertakenError: The alert is not as ``record`` has it any more.

    """
    table = get_table("AlertCheck")
    with mark_step("commit"), transaction.atomic(using=table.db):
        _take_version(table, record, record.window_end, int(now))
        _write_events(events, int(now))
        table.filter(identity=record.identity).delete()


def find_told(identities: Sequence[str]) -> dict[str, dict[str, Told]]:
    """Return for series without a row where the numbers of their events go on: events outlive a forgotten series."""
    found: dict[str, dict[str, Told]] = {}
    events = get_table("AlertEvent").filter(identity__in=identities)
    for each in events.values("identity", "receiver").annotate(last=Max("sequence")):
        found.setdefault(each["identity"], {})[each["receiver"]] = Told(Level.OK, each["last"])
    return found


def prune_events(now: float) -> int:
    """Delete events that were finished long ago, and return how many they were."""
    table = get_table("AlertEvent")
    deleted: int = table.filter(finished_at__lt=int(now) - KEPT_SECONDS).delete()[0]
    return deleted


def describe_database_error(error: Exception) -> str:
    """Return what to do about an error of Django's database."""
    return f"The state of alerts cannot be read or stored {describe_table_error(error, get_table('AlertCheck').db)}"


def _take_version(table: Any, record: AlertRecord, window_end: int, now: int) -> None:
    if record.version == 0:
        table.create(identity=record.identity, name=record.name, window_end=window_end, checked_at=now)
        return
    mine = table.filter(identity=record.identity, version=record.version)
    if not mine.update(version=F("version") + 1, window_end=window_end, checked_at=now):
        raise OvertakenError


def _write_states(alert: str, change: AlertChange) -> None:
    table = get_table("AlertState")
    for state in change.changed:
        values = {
            "alert_id": alert,
            "tags": dict(state.tags),
            "memory": state.memory.encode(),
            "told": {receiver: [int(told.level), told.sequence] for receiver, told in state.told.items()},
            "value": state.value,
            "seen_end": state.seen_end,
        }
        table.update_or_create(identity=state.identity, defaults=values)
    if change.forgotten:
        table.filter(identity__in=change.forgotten).delete()


def _write_events(events: Iterable[PlannedEvent], now: int) -> None:
    table = get_table("AlertEvent")
    rows = [
        table.model(
            identity=event.notification.dedup_key,
            receiver=event.receiver,
            sequence=event.notification.sequence,
            notification=event.notification.encode(),
            created_at=now,
            problem=event.problem,
        )
        for event in events
    ]
    with mark_step("write"):
        table.bulk_create(rows)
