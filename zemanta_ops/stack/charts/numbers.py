"""Numbers as a person reads them, by Grafana's id of their unit."""

from __future__ import annotations

from collections.abc import Mapping

_STEPS: Mapping[str, tuple[tuple[float, str], ...]] = {
    "ms": ((0.001, "µs"), (1, "ms"), (1_000, "s"), (60_000, "min"), (3_600_000, "h")),
    "s": ((0.001, "ms"), (1, "s"), (60, "min"), (3_600, "h"), (86_400, "d")),
    "bytes": ((1, "B"), (1_024, "KiB"), (1_024**2, "MiB"), (1_024**3, "GiB"), (1_024**4, "TiB")),
    "binBps": ((1, "B/s"), (1_024, "KiB/s"), (1_024**2, "MiB/s"), (1_024**3, "GiB/s")),
    "percentunit": ((0.01, "%"),),
    "percent": ((1, "%"),),
    "reqps": ((1, "req/s"), (1_000, "k req/s")),
    "ops": ((1, "/s"), (1_000, "k/s")),
    "cps": ((1, "/s"), (1_000, "k/s")),
}
_PLAIN = ((1, ""), (1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G"))


def format_number(number: float | None, unit: str) -> str:
    """Return a number with three significant digits and its unit; a dash for none."""
    if number is None:
        return "-"
    steps = _STEPS.get(unit, _PLAIN)
    size, word = next((step for step in reversed(steps) if abs(number) >= step[0]), steps[0])
    if number == 0:
        size, word = next((step for step in steps if step[0] == 1), steps[0])
    text = f"{number / size:.3g}"
    if "e" in text:
        text = f"{number / size:.0f}"
    separator = "" if word in ("%", "k", "M", "G", "/s", "k/s") or not word else " "
    return f"{text}{separator}{word}"
