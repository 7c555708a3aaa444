"""A ``statsd.StatsClient`` for code that expects one: the statsd package's interface in front of this app's client."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

import statsd

from zemanta_ops.metrics.client import Client, default_client
from zemanta_ops.metrics.sampling import is_sampled
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, SET, TIMING
from zemanta_ops.metrics.series.tags import to_text
from zemanta_ops.metrics.series.values import to_milliseconds, to_number

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["StatsClient"]


class StatsClient(statsd.StatsClient):  # type: ignore[misc]  # it has no types
    """The methods of ``statsd.StatsClient``: times in milliseconds, ``rate``, ``delta=True``, ``pipeline()``, timers.

    Args:
        prefix: put before every name with a dot; the app's own PREFIX comes before it.
        target: the client that gets the samples; the app's own by default.
        tags: tags of all its metrics, because the interface has no tags.

    It opens no socket, and never raises, whatever it is given. A ``rate`` is rounded to the nearest 1/n, because the
    agent counts only these exactly.
    """

    def __init__(self, prefix: str | None = None, *, target: Client = default_client, **tags: Any) -> None:
        self._prefix = prefix
        self._target = target
        self._tags = tags

    def incr(self, stat: str, count: Any = 1, rate: float = 1) -> None:
        """Add ``count`` to a counter; ``decr`` subtracts."""
        self._sample(COUNTER, stat, count, rate)

    def timing(self, stat: str, delta: Any, rate: float = 1) -> None:
        """Record a duration: milliseconds, or a timedelta."""
        self._sample(TIMING, stat, to_milliseconds(delta) if issubclass(type(delta), timedelta) else delta, rate)

    def gauge(self, stat: str, value: Any, rate: float = 1, delta: bool = False) -> None:
        """Set a gauge, or add to it with ``delta=True``."""
        self._sample(GAUGE, stat, (to_number(value),) if delta else value, rate)

    def set(self, stat: str, value: Any, rate: float = 1) -> None:
        """Add a member to a set."""
        self._sample(SET, stat, value, rate)

    def pipeline(self) -> Pipeline:
        """Return a client that keeps its samples until ``send()`` or the end of its ``with`` block."""
        return Pipeline(self)

    def close(self) -> None:
        """Do nothing: the socket belongs to the app's client."""

    def _sample(self, kind: str, stat: str, value: Any, rate: float) -> None:
        every = self._target.rates.admit(_round_rate(rate))
        if every == 1 or (every and is_sampled(every)):
            self._emit(kind, f"{self._prefix}.{to_text(stat)}" if self._prefix else stat, value, every)

    def _emit(self, kind: str, name: str, value: Any, every: int) -> None:
        # Only counters and timings are scaled by the rate: a gauge or a set member is a value of its own.
        self._target.emit(kind, name, value, self._tags, every if kind in (COUNTER, TIMING) else 1)


class Pipeline(StatsClient):
    """Keeps samples for ``StatsClient.pipeline()``."""

    def __init__(self, parent: StatsClient) -> None:
        super().__init__(parent._prefix, target=parent._target, **parent._tags)
        self._parent = parent
        self._kept: list[tuple[str, str, Any, int]] = []

    def send(self) -> None:
        """Emit the kept samples, in order."""
        kept, self._kept = self._kept, []
        for sample in kept:
            self._parent._emit(*sample)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.send()

    def _emit(self, kind: str, name: str, value: Any, every: int) -> None:
        self._kept.append((kind, name, value, every))


def _round_rate(rate: Any) -> int:
    """Return the n of the nearest rate 1/n that the agent's division returns exactly; 0 if nothing is to be sent."""
    try:
        every = max(round(1 / rate), 1) if rate > 0 else 0
    except Exception:  # noqa: BLE001  (any object may be given as a rate)
        return 1
    while every and int(1 / (1 / every)) != every:
        every += 1
    return every
