"""The configuration of one client, gathered from the settings or given in code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zemanta_ops import conf as settings


@dataclass(frozen=True)
class Options:
    """What a client needs to know; the names and units are those of ``ZEMANTA_OPS["METRICS"]``."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 8125
    protocol: str = "udp"
    dialect: str = "influx"
    prefix: str = ""
    tags: Mapping[str, Any] = field(default_factory=dict)
    host_tag: str | None = None
    datagram_bytes: int = 1432
    flush_seconds: float = 1.0
    queue_size: int = 100_000
    max_series: int = 5_000
    max_tag_values: int = 1_000
    report_seconds: float = 10.0
    threads: bool = True


def from_settings(**given: Any) -> Options:
    """Return the options that the settings say, with those given in code on top."""
    metrics = settings.conf.metrics
    names = set(Options.__dataclass_fields__) - {"enabled", "report_seconds", "threads"} - set(given)
    values = {name: getattr(metrics, name) for name in names}
    enabled = metrics.enabled
    values["enabled"] = not tests_run() if enabled is None else enabled
    values["report_seconds"] = metrics.agent_interval
    return Options(**{**values, **given})


def tests_run() -> bool:
    """Whether Django's test runner, or pytest with this package's plugin, is active in this process."""
    if "zemanta_ops.pytest_plugin" in sys.modules:
        return True
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")
