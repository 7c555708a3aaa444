"""Emits a metric of the catalogue with one look-up, for events that happen many times in a request."""

from __future__ import annotations

from zemanta_ops.metrics.catalog import Metric
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.series.series import KINDS, Series


class Emitter:
    """Keeps the series of one metric by the values of its tags; only for tags with few values."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._series = default_client.new_cache()

    def put(self, value: float, *tags: str) -> None:
        """Emit a value; timings in milliseconds, ``tags`` in the order of the catalogue."""
        try:
            series = self._series[tags]
        except KeyError:
            series = self._find(tags)
        default_client.put(series, value)

    def _find(self, tags: tuple[str, ...]) -> Series:
        named = dict(zip(self._metric.tags, tags, strict=True))
        series = default_client.create_series(KINDS[self._metric.kind], self._metric.name, named)
        self._series[tags] = series
        return series
