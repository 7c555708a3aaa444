"""Emits a metric of the catalogue at the price of one look-up, for what happens many times in a request."""

from __future__ import annotations

from zemanta_ops.metrics.catalog import Metric
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.series.series import KIND_NAMES, Series

_KINDS = {name: kind for kind, name in KIND_NAMES.items()}


class Emitter:
    """One metric, whose series are kept by the values of its tags; only for tags that have few values."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._series = default_client.new_cache()

    def put(self, value: float, *tags: str) -> None:
        """Emit a value, timings in milliseconds; ``tags`` are in the order of the catalogue."""
        try:
            series = self._series[tags]
        except KeyError:
            series = self._find(tags)
        default_client.put(series, value)

    def _find(self, tags: tuple[str, ...]) -> Series:
        named = dict(zip(self._metric.tags, tags, strict=True))
        series = default_client.series(_KINDS[self._metric.kind], self._metric.name, named)
        self._series[tags] = series
        return series
