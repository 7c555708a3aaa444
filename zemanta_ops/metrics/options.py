"""The configuration of one client, read from the settings or given in code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from zemanta_ops import conf as settings
from zemanta_ops.conf import Metrics
from zemanta_ops.setting import Setting

T = TypeVar("T")

# These are not plain copies of a setting.
DERIVED = frozenset({"enabled", "report_seconds", "threads"})


def _get_default(setting: Setting[T]) -> T:
    return setting.default() if callable(setting.default) else setting.default


@dataclass(frozen=True)
class Options:
    """What a client needs to know; names, units and defaults are those of ``ZEMANTA_OPS["METRICS"]``.

    ``report_seconds`` is the interval of the self-metrics; infinity switches them off. Without ``threads`` there is no
    flusher: the caller flushes, by size or age.
    """

    enabled: bool = True
    host: str = _get_default(Metrics.host)
    port: int = _get_default(Metrics.port)
    protocol: str = _get_default(Metrics.protocol)
    dialect: str = _get_default(Metrics.dialect)
    prefix: str = _get_default(Metrics.prefix)
    tags: Mapping[str, Any] = field(default_factory=dict)
    host_tag: str | None = None
    datagram_bytes: int = _get_default(Metrics.datagram_bytes)
    flush_seconds: float = _get_default(Metrics.flush_seconds)
    queue_size: int = _get_default(Metrics.queue_size)
    max_series: int = _get_default(Metrics.max_series)
    max_names: int = _get_default(Metrics.max_names)
    max_tag_keys: int = _get_default(Metrics.max_tag_keys)
    max_tag_values: int = _get_default(Metrics.max_tag_values)
    report_seconds: float = _get_default(Metrics.agent_interval)
    threads: bool = True


def from_settings(**given: Any) -> Options:
    """Return the options of the settings, overridden by those given in code."""
    metrics = settings.conf.metrics
    names = set(Options.__dataclass_fields__) - DERIVED - set(given)
    values = {name: getattr(metrics, name) for name in names}
    enabled = metrics.enabled
    values["enabled"] = not is_testing() if enabled is None else enabled
    values["report_seconds"] = metrics.agent_interval
    return Options(**{**values, **given})


def is_testing() -> bool:
    """Return whether Django's test runner, or pytest with this package's plugin, is active in this process."""
    if "zemanta_ops.pytest_plugin" in sys.modules:
        return True
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")
