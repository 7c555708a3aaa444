"""A gauge with a random value, sent as the application sends its metrics and searched for in the database."""

from __future__ import annotations

import secrets
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.series import GAUGE
from zemanta_ops.stack.databases import Database, DatabaseError, Point, StoredValue
from zemanta_ops.stack.databases.errors import classify_answer
from zemanta_ops.stack.databases.line_protocol import FieldValue
from zemanta_ops.stack.statsd import Sample

# Wide enough to find the probe even if the clocks of the machines differ.
CLOCKS = timedelta(days=1)
# A clock without a battery starts in 1970. Nobody has points from this far ahead.
_OLDEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FARTHEST = timedelta(days=50 * 365)
# A refusal by another machine arrives after the first datagram has left.
_REFUSAL_SECONDS = 0.05
# Probes that are on their way at once need different series: the agent keeps one value of a gauge.
SLOTS = 64
_PADDING_BYTES = 8192


class Probe:
    """Sends and finds a gauge. The nonce is its value, not a tag, so that it is always the same series.

    Args:
        options: Those of the application's client. The probe's client has no thread and no metrics of its own.

    """

    def __init__(self, options: Options) -> None:
        # Telegraf stores gauges as 64-bit floats, which represent this number exactly.
        self.nonce = secrets.randbelow(2**48) + 1
        self._client = Client(replace(options, enabled=True, threads=False, report_seconds=float("inf")))
        self._slot, self._reservation = _reserve_slot()
        series = self._client.create_series(GAUGE, catalog.PROBE.name, {"slot": self._slot})
        self.measurement = Sample(series.full_name, GAUGE, 0).measurement
        self.tags: Mapping[str, str] = dict(series.all_tags)
        # When it was sent first: of the monotonic clock, and of the one that points get their time from.
        self.sent_at = 0.0
        self.sent_time = datetime.fromtimestamp(0, timezone.utc)
        self.attempts = 0

    def send(self) -> str:
        """Send the probe; return why it was lost (``refused``, ``dns``, ``network`` …), or ""."""
        self.attempts += 1
        if not self.sent_at:
            self.sent_at, self.sent_time = time.monotonic(), datetime.now(timezone.utc)
        if self.attempts > 1:
            # Another machine may have the same slot: probes that collide once must not collide again.
            self._slot = str(secrets.randbelow(SLOTS))
        lost = self._send_once()
        if lost or self.attempts > 1:
            return lost
        time.sleep(_REFUSAL_SECONDS)
        return self._send_once()

    def find(self, database: Database, *, at_any_time: bool = False) -> StoredValue | None:
        """Return the probe if the database has it; ``at_any_time`` also reads what has a time far from now."""
        now = datetime.now(timezone.utc)
        start, end = (_OLDEST, now + _FARTHEST) if at_any_time else (now - CLOCKS, now + CLOCKS)
        found = database.read_values(self.measurement, "value", start, end, equal_to=float(self.nonce))
        return found[0] if found else None

    def close(self) -> None:
        """Close the socket, and give the slot back."""
        self._client.close()
        if self._reservation:
            self._reservation.close()

    def _send_once(self) -> str:
        before = self._client.health()["dropped"]
        self._client.gauge(catalog.PROBE.name, self.nonce, slot=self._slot)
        self._client.flush()
        after = self._client.health()["dropped"]
        return next((reason for reason, count in after.items() if count > before.get(reason, 0)), "")


def write_directly(database: Database) -> DatabaseError | None:
    """Write one point without the agent, always to the same series; return why the database refuses it, or None."""
    value = float(time.time_ns() % 2**48)
    # The field of the probe itself shows whether its type is still that of an old integer. The padding is as large as
    # a batch of Telegraf's: on a full disk, a small point may still fit into the last block of a file.
    fields: dict[str, FieldValue] = {"direct": value, "value": value, "padding": secrets.token_hex(_PADDING_BYTES)}
    # One point an hour: written again, it replaces itself.
    hour = 3600 * 10**9
    point = Point("zemanta_ops_probe", fields, {"metric_type": "direct"}, time.time_ns() // hour * hour)
    try:
        report = database.write([point])
    except DatabaseError as error:
        return error
    return classify_answer(400, report.refused[0][1]) if report.refused else None


def _reserve_slot() -> tuple[str, socket.socket | None]:
    """Return the lowest slot that no other probe of this machine has, so that there is usually one series.

    Linux forgets a name in its abstract namespace with the process that has it. Other systems choose at random.
    """
    if sys.platform == "linux":
        for slot in range(SLOTS):
            reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                reservation.bind(f"\0zemanta_ops.probe.{slot}")
            except OSError:
                reservation.close()
            else:
                return str(slot), reservation
    return str(secrets.randbelow(SLOTS)), None
