"""A ``statsd.StatsClient`` for code that wants one: the interface of the statsd package, this app's buffer below it."""

from __future__ import annotations

import random
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

import statsd

from zemanta_ops.metrics.client import Client, default_client
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, SET, TIMING
from zemanta_ops.metrics.series.tags import as_text
from zemanta_ops.metrics.series.values import milliseconds, number

if TYPE_CHECKING:
    from typing_extensions import Self


class StatsClient(statsd.StatsClient):  # type: ignore[misc]  # it has no types
    """The methods of ``statsd.StatsClient``: times in milliseconds, ``rate``, ``delta=True``, ``pipeline()``, timers.

    Args:
        prefix: goes before every name, with a dot, after the app's own PREFIX.
        target: the client that is fed; the app's own by default.
        tags: tags of all its metrics; the interface has none of its own.

    It opens no socket and never raises for what it is given. A ``rate`` is taken as the nearest 1/n, because the agent
    counts only these exactly.
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
        self._sample(TIMING, stat, milliseconds(delta) if issubclass(type(delta), timedelta) else delta, rate)

    def gauge(self, stat: str, value: Any, rate: float = 1, delta: bool = False) -> None:
        """Set a gauge, or add to it with ``delta=True``."""
        self._sample(GAUGE, stat, (number(value),) if delta else value, rate)

    def set(self, stat: str, value: Any, rate: float = 1) -> None:
        """Add a member to a set."""
        self._sample(SET, stat, value, rate)

    def pipeline(self) -> Pipeline:
        """Return a client that keeps what it is given until ``send()`` or the end of its ``with`` block."""
        return Pipeline(self)

    def close(self) -> None:
        """Do nothing: the socket is the app's."""

    def _sample(self, kind: str, stat: str, value: Any, rate: float) -> None:
        every = _every(rate)
        if every == 1 or (every and random.random() * every < 1):  # noqa: S311  (sampling)
            self._emit(kind, f"{self._prefix}.{as_text(stat)}" if self._prefix else stat, value, every)

    def _emit(self, kind: str, name: str, value: Any, every: int) -> None:
        # A kept gauge or set member stands for itself; only what is counted is multiplied.
        self._target.emit(kind, name, value, self._tags, every if kind in (COUNTER, TIMING) else 1)


class Pipeline(StatsClient):
    """What ``StatsClient.pipeline()`` returns."""

    def __init__(self, parent: StatsClient) -> None:
        super().__init__(parent._prefix, target=parent._target, **parent._tags)
        self._parent = parent
        self._kept: list[tuple[str, str, Any, int]] = []

    def send(self) -> None:
        """Hand over what was kept, in order."""
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


def _every(rate: Any) -> int:
    """Return the n whose 1/n is nearest to ``rate`` and survives the agent's division; 0 where nothing is sent."""
    try:
        every = max(round(1 / rate), 1) if rate > 0 else 0
    except Exception:  # noqa: BLE001  (any object may be given as a rate)
        return 1
    while every and int(1 / (1 / every)) != every:
        every += 1
    return every
