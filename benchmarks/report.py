"""The results as text, and against the goals."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django

from benchmarks.peers import OURS

GOALS = {
    "wsgi": 1.06,
    "asgi": 1.02,
    "volume": 8,
    "emits": 500,
    "series": 1.2,
    "burst": 1.0,
    "gunicorn": 0.96,
    # KiB that the process may still grow by after a quarter of the requests; bare Django grows as well.
    "memory": 1024,
}
AT_LEAST = ("burst", "gunicorn")


def machine() -> dict[str, Any]:
    """Return what the figures were made on."""
    text = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    versions = {"python": platform.python_version(), "django": django.__version__}
    return {"cpu": models[0] if models else platform.machine(), "cpus": os.cpu_count(), **versions, "load": load()}


def load() -> float:
    """Return the load of the last minute: processes that ran or waited to."""
    return round(os.getloadavg()[0], 2)


def figures(results: dict[str, Any]) -> dict[str, float]:
    """Return this package's figure for every goal that was measured."""
    found: dict[str, float] = {}
    for name in ("wsgi", "asgi"):
        if name in results:
            found[name] = results[name][OURS]["ratio"]["median"]
    if "volume" in results:
        found["volume"] = results["volume"][OURS]["datagrams"]
    if "emits" in results:
        found["emits"] = max(kind["median"] for kind in results["emits"][OURS].values())
    if "series" in results:
        found["series"] = max(ratio["median"] for ratio in results["series"][OURS]["ratio"].values())
    if "burst" in results:
        found["burst"] = accounted(results["burst"][OURS])
    if "gunicorn" in results:
        found["gunicorn"] = results["gunicorn"][OURS]["throughput"]["median"]
    if "memory" in results:
        found["memory"] = results["memory"][OURS]["growth"]
    return found


def accounted(burst: dict[str, int]) -> float:
    """Return the share of a burst that arrived or was counted as dropped, a datagram of the kernel's as one."""
    return (burst["arrived"] + burst["dropped"] + burst["kernel"]) / burst["sent"]


def goals(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return figure, goal and verdict by measure."""
    return {
        name: {
            "figure": figure,
            "goal": GOALS[name],
            "met": figure >= GOALS[name] if name in AT_LEAST else figure <= GOALS[name],
        }
        for name, figure in figures(results).items()
    }


def text(results: dict[str, Any]) -> str:
    """Return all tables."""
    return "\n".join(_lines(results))


def _lines(results: dict[str, Any]) -> Iterator[str]:
    about = results["machine"]
    yield f"{about['cpus']} x {about['cpu']}, Python {about['python']}, Django {about['django']}"
    yield f"load {about['load']} before, {about['load_after']} after"
    for name, row in ROWS.items():
        if name in results:
            yield f"\n{name}"
            yield from (f"  {peer:22} {row(each)}" for peer, each in results[name].items())
    yield "\ngoals"
    for name, goal in results["goals"].items():
        relation = ">=" if name in AT_LEAST else "<="
        verdict = "met" if goal["met"] else "MISSED"
        yield f"  {name:22} {goal['figure']:.3f} {relation} {goal['goal']}  {verdict}"


def _request(row: dict[str, Any]) -> str:
    ratio = row["ratio"]
    return f"{row['microseconds']:8.1f} us  x {ratio['median']:.3f}  ({ratio['low']:.3f} to {ratio['high']:.3f})"


def _emits(row: dict[str, Any]) -> str:
    return "  ".join(
        f"{kind} {times['median']:6.0f} ns (fastest {times['fastest']:.0f})" for kind, times in row.items()
    )


def _series(row: dict[str, Any]) -> str:
    return "  ".join(
        f"{count}: {time:.0f} ns, x {row['ratio'][count]['median']:.2f}" for count, time in row["nanoseconds"].items()
    )


def _volume(row: dict[str, Any]) -> str:
    return f"{row['datagrams']:6} datagrams {row['bytes']:9} bytes"


def _burst(row: dict[str, Any]) -> str:
    return (
        f"{row['arrived']} of {row['sent']} arrived, {row['dropped']} dropped, {row['kernel']} datagrams by the kernel"
    )


def _gunicorn(row: dict[str, Any]) -> str:
    ratio = row["throughput"]
    return (
        f"{row['microseconds']:8.1f} us  throughput x {ratio['median']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f})"
        f"  by the clock x {row['clock']['median']:.3f}"
    )


def _memory(row: dict[str, Any]) -> str:
    return f"{row['warm']} KiB after a quarter, {row['end']} KiB after {row['requests']} requests: {row['growth']:+}"


ROWS = {
    "wsgi": _request,
    "asgi": _request,
    "emits": _emits,
    "volume": _volume,
    "series": _series,
    "burst": _burst,
    "gunicorn": _gunicorn,
    "memory": _memory,
}
