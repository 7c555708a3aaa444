"""Writes what the development agent adds up into InfluxDB, as Telegraf would: ``watch_metrics --write``."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

from zemanta_ops.stack.agent.report import Report, Series, Written
from zemanta_ops.stack.databases import Database, DatabaseError, Point, WriteReport
from zemanta_ops.stack.databases.base import BATCH
from zemanta_ops.stack.internal_measurements import STATSD, WATCH_METRICS, WRITE
from zemanta_ops.stack.statsd import Sample

# Telegraf's metric_buffer_limit: so many points wait for a database that is away, then the oldest are lost.
WAITING_LIMIT = 10_000
# At the end, the database gets so long to take what is left.
END_SECONDS = 6.0


class Writer:
    """Takes the reports of intervals and writes their points in a thread of its own; never raises, never waits.

    What the database does not take now is tried again with the next interval.

    Args:
        database: where to; closed by its owner.
        host: the tag ``host`` of points that have none.
        address: where the agent listens, ``host:port``.
        tell: is given one sentence at the first failure, and again only when it has written in between.
        protocol: how the agent receives, ``udp`` or ``tcp``.

    """

    def __init__(
        self, database: Database, host: str, address: str, tell: Callable[[str], None], protocol: str = "udp"
    ) -> None:
        self._database = database
        self._own_tags = {"host": host}
        self._address = address
        self._protocol = protocol
        self._tell = tell
        self._told = False
        self._received = 0
        self._points = self._refused = self._lost = self._in_hand = 0
        self._reason = ""
        self._waiting: deque[Point] = deque()
        self._lock = threading.Lock()
        self._bell = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="zemanta-ops-writer", daemon=True)
        self._thread.start()

    def put(self, report: Report) -> None:
        """Take the report of one interval."""
        self._received += report.received.datagrams
        points = [*points_of(report, self._own_tags), *self._internals(_end(report))]
        with self._lock:
            self._waiting.extend(points)
            self._trim()
        self._bell.set()

    def state(self) -> Written:
        """Return what became of the points so far."""
        with self._lock:
            waiting = len(self._waiting) + self._in_hand
            return Written(self._database.name, self._points, self._refused, waiting, self._lost, self._reason)

    def close(self, seconds: float = END_SECONDS) -> None:
        """Write what is left, for so many seconds; then it is lost."""
        self._closing = True
        self._bell.set()
        self._thread.join(seconds)
        with self._lock:
            self._lost += len(self._waiting) + self._in_hand
            self._in_hand = 0
            self._waiting.clear()

    def _run(self) -> None:
        closing = False
        while not closing:
            self._bell.wait()
            self._bell.clear()
            closing = self._closing  # read before the last turn, so that nothing is put after it
            while self._write_some():
                pass

    def _write_some(self) -> bool:
        """Write a batch; False where there is none, or the database does not take it now."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH))]
            self._in_hand = len(batch)
        if not batch:
            return False
        try:
            report = self._database.write(batch)
        except DatabaseError as error:
            self._put_back(batch, str(error))
        except Exception as error:  # noqa: BLE001  the watching goes on whatever a client package raises
            self._put_back(batch, type(error).__name__)
        else:
            self._note(report)
            return True
        return False

    def _note(self, report: WriteReport) -> None:
        with self._lock:
            self._in_hand = 0
            self._points += report.written
            self._refused += len(report.refused)
            if report.refused:
                self._reason = report.refused[-1][1]
        if report.refused:
            self._tell_once(f"{self._database.name} refused {len(report.refused)} points: {self._reason}")
        else:
            self._told = False

    def _put_back(self, batch: list[Point], reason: str) -> None:
        with self._lock:
            if self._in_hand:  # else ``close`` has given it up
                self._waiting.extendleft(reversed(batch))
            self._in_hand = 0
            self._reason = reason
            self._trim()
        self._tell_once(
            f"{self._database.name} does not take points: {reason}; the watching goes on, and so do attempts"
        )

    def _trim(self) -> None:
        while len(self._waiting) > WAITING_LIMIT:
            self._waiting.popleft()
            self._lost += 1

    def _tell_once(self, text: str) -> None:
        if not self._told:
            self._told = True
            with suppress(OSError, ValueError):  # the other end of the pipe is gone, or the output is closed
                self._tell(text)

    def _internals(self, time_ns: int) -> Iterator[Point]:
        """Yield what Telegraf's ``inputs.internal`` says, so that ``check_metrics`` knows this agent as well."""
        state = self.state()
        counts = {"metrics_written": state.points, "metrics_rejected": state.refused, "metrics_dropped": state.lost}
        own = {**self._own_tags, "output": WATCH_METRICS}
        yield Point(WRITE, counts, own, time_ns)
        received = {f"{self._protocol}_packets_received": self._received}
        yield Point(STATSD, received, {**self._own_tags, "address": self._address}, time_ns)


def points_of(report: Report, own_tags: dict[str, str]) -> Iterator[Point]:
    """Yield a point a series: measurement, tags, fields and their types are those that Telegraf writes.

    ``own_tags`` are those that a series gets where it does not bring them.
    """
    time_ns = _end(report)
    seen: dict[tuple[str, frozenset[tuple[str, str]]], int] = {}
    for series in report.series:
        measurement = Sample(series.name, series.type, 0).measurement
        tags = {**own_tags, **series.tags, "metric_type": series.type}
        # Two names of one measurement (a.b and a_b) would overwrite each other at one time.
        key = (measurement, frozenset(tags.items()))
        seen[key] = seen.get(key, -1) + 1
        yield Point(measurement, _fields(series), tags, time_ns + seen[key])


def _fields(series: Series) -> dict[str, float]:
    # Telegraf leaves NaN and the infinities out. Counters and sets are floats there too with float_counters and
    # float_sets: then one name may be a counter here and a gauge there.
    finite = {key: value for key, value in series.fields.items() if math.isfinite(value)}
    return {key: value if key == "count" else float(value) for key, value in finite.items()}


def _end(report: Report) -> int:
    return int((report.started + report.seconds) * 1e9)
