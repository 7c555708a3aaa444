"""The benchmark of requests runs and counts right; no test here looks at a time, which a busy machine makes up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import alternating, report
from benchmarks.peers import OURS
from benchmarks.report import GOALS

pytestmark = pytest.mark.usefixtures("without_coverage")

ROOT = Path(__file__).parent.parent


def measure() -> dict[str, Any]:
    # Its results are that of a process of its own: the benchmark configures Django.
    command = [sys.executable, "-m", "benchmarks.requests", "--quick", "--json", "--peers", "statsd"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.more
def test_the_benchmark_of_requests_counts_and_names_everything() -> None:
    results = measure()
    check_names(results)
    # A thousand requests of one view are few datagrams.
    assert 0 < results["volume"][OURS]["datagrams"] <= 8
    # The peer sends each of its two calls by itself, so this also holds the counting to account.
    assert results["volume"]["statsd"]["datagrams"] == 2_000
    # Nothing of a burst is lost.
    burst = results["burst"][OURS]
    assert burst["sent"] == 2_000
    assert burst["kernel"] == 0
    assert burst["arrived"] + burst["dropped"] == burst["sent"]
    lines = report.text(results).splitlines()
    assert {"wsgi", "asgi", "emits", "volume", "series", "burst", "gunicorn", "memory", "goals"} <= set(lines)
    assert sum(line.endswith(("  met", "  MISSED")) for line in lines) == len(GOALS)


def check_names(results: dict[str, Any]) -> None:
    """Assert that every measure names every peer."""
    assert results["missing"] == {}
    for measure in ("wsgi", "asgi", "gunicorn"):
        assert list(results[measure]) == ["bare", "list-append", OURS, "statsd"]
    assert set(results["emits"][OURS]) == set(results["emits"]["statsd"]) == {"incr", "gauge", "timing"}
    assert list(results["series"][OURS]["nanoseconds"]) == ["10", "100", "1000", "10000"]
    assert len(results["memory"][OURS]["samples"]) == 20
    assert set(results["goals"]) == set(GOALS)


def test_every_peer_is_first_as_often_as_last() -> None:
    orders = [alternating.order(["a", "b", "c"], turn) for turn in range(6)]
    assert sorted(order[0] for order in orders) == sorted(order[-1] for order in orders) == list("aabbcc")


def test_help_has_examples() -> None:
    command = [sys.executable, "-m", "benchmarks.requests", "--help"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "examples:" in ended.stdout
    assert "--only" in ended.stdout


@pytest.mark.more
def test_the_benchmark_of_cloudwatch_counts_requests_and_metrics() -> None:
    command = [sys.executable, "-m", "benchmarks.cloudwatch", "--quick", "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    ours = json.loads(ended.stdout)["ours"]
    assert (ours["requests"], ours["metrics_paid"], ours["rows"]) == (1, 100, 3_000)
