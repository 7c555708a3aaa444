"""The units of metrics: those that are measured, and plural nouns for what is counted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from zemanta_ops.metrics.catalog import METRICS


@dataclass(frozen=True)
class Unit:
    """A unit: Grafana's id of it, and how a person reads it beside a number."""

    grafana: str
    label: str


# A plain number, and what is counted: the noun is in the panel's title.
COUNT = "short"

MEASURED: Mapping[str, Unit] = {
    "": Unit(COUNT, ""),
    "ns": Unit("ns", "ns"),
    "us": Unit("µs", "µs"),
    "ms": Unit("ms", "ms"),
    "s": Unit("s", "s"),
    "min": Unit("m", "min"),
    "h": Unit("h", "h"),
    "d": Unit("d", "d"),
    "bytes": Unit("bytes", "B"),
    "bits": Unit("bits", "b"),
    "bytes/s": Unit("binBps", "B/s"),
    "bits/s": Unit("binbps", "b/s"),
    "requests/s": Unit("reqps", "req/s"),
    "operations/s": Unit("ops", "ops/s"),
    "reads/s": Unit("rps", "rd/s"),
    "writes/s": Unit("wps", "wr/s"),
    "ratio": Unit("percentunit", "%"),
    "percent": Unit("percent", "%"),
    "celsius": Unit("celsius", "°C"),
    "USD": Unit("currencyUSD", "$"),
    "EUR": Unit("currencyEUR", "€"),
    "GBP": Unit("currencyGBP", "£"),
}
# What people write for them.
_OTHER_WORDS = {
    "milliseconds": "ms",
    "microseconds": "us",
    "nanoseconds": "ns",
    "seconds": "s",
    "minutes": "min",
    "hours": "h",
    "days": "d",
    "percentage": "percent",
    "ratios": "ratio",
}
_NOUN = re.compile(r"[a-z][a-z ]*s")
_PER_SECOND = "/s"


def find_unit(name: str) -> Unit | None:
    """Return the unit of this name; None if it is neither measured nor a plural noun, with or without ``/s``."""
    if name in MEASURED:
        return MEASURED[name]
    if name in {metric.unit for metric in METRICS}:
        return Unit(COUNT, name)
    noun = name.removesuffix(_PER_SECOND)
    if suggest_unit(name) or not _NOUN.fullmatch(noun):
        return None
    return Unit("cps" if name.endswith(_PER_SECOND) else COUNT, name)


def suggest_unit(name: str) -> str | None:
    """Return the measured unit that an unknown name probably means."""
    if name in _OTHER_WORDS:
        return _OTHER_WORDS[name]
    known = [*(unit for unit in MEASURED if len(unit) > 3), *_OTHER_WORDS]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
    return _OTHER_WORDS.get(close[0], close[0]) if close else None
