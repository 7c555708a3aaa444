"""CloudWatch into a database: ours beside Telegraf's own input, on the same fake CloudWatch.

python -m benchmarks.cloudwatch                  5,000 metrics x 30 minutes
python -m benchmarks.cloudwatch --late           also how many late points each loses, in eight minutes
python -m benchmarks.cloudwatch --quick --json   100 metrics, to see that it works

The fake is a process of its own, so its time is not counted. Telegraf asks for one period in a run, ours for the whole
look-back: compare requests and metrics paid for, not the time of a point.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tests.servers import cache
from tests.stack.cloudwatch.account import REGION
from tests.stack.cloudwatch.fake import FakeCloudWatch
from tests.stack.cloudwatch.http_fake import serve
from zemanta_ops.stack.cloudwatch.clients import AwsClients
from zemanta_ops.stack.cloudwatch.defaults import build_declarations
from zemanta_ops.stack.cloudwatch.run import push
from zemanta_ops.stack.databases import connect

METRICS, QUICK = 5_000, 100
GOALS = {"requests": 10, "cpu_seconds": 5.0, "megabytes": 80.0}
# How late the points are that a fixed delay of a minute misses.
LATE_SECONDS = 150
LATE_RUNS_SECONDS = 450
QUEUES = {"namespace": "AWS/SQS", "dimensions": {"QueueName": "*"}, "metrics": {"NumberOfMessagesSent": "Sum"}}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--late", action="store_true", help="count late points that are lost; takes eight minutes")
    parser.add_argument("--quick", action="store_true", help="few metrics, to see that it works")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--push", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve is not None:
        return run_server(options.serve, late=options.late)
    if options.push:
        return run_push(options.push, late=options.late)
    results = measure(QUICK if options.quick else METRICS, late=options.late)
    print(json.dumps(results, indent=2) if options.json else "\n".join(show(results)))
    return 0


def measure(metrics: int, *, late: bool) -> dict[str, Any]:
    """Return the figures of both, and of late points if asked for."""
    found: dict[str, Any] = {"metrics": metrics, "ours": measure_ours(metrics)}
    if cache.installed("telegraf-cloudwatch"):
        found["telegraf"] = measure_telegraf(metrics)
        if late:
            found["late"] = measure_late()
    return found


def measure_ours(metrics: int) -> dict[str, Any]:
    """Return the figures of one scheduled run in a process of its own."""
    with served(metrics) as (url, stop):
        out, usage = run_child([sys.executable, "-m", "benchmarks.cloudwatch", "--push", url])
        return {**json.loads(out), **usage, **stop()}


def measure_telegraf(metrics: int) -> dict[str, Any]:
    """Return the figures of one round of the real plug-in."""
    with served(metrics) as (url, stop), tempfile.TemporaryDirectory() as folder:
        config = write_config(Path(folder), url, "1h")
        command = [str(cache.binary("telegraf-cloudwatch")), "--strict-env-handling", "--config", str(config), "--once"]
        _, usage = run_child(command)
        points = len((Path(folder) / "out.influx").read_text().splitlines())
        return {"rows": points, **usage, **stop()}


def measure_late() -> dict[str, Any]:
    """Return how many points that came late each has in the end."""
    with served(1, late=True) as (url, stop), tempfile.TemporaryDirectory() as folder:
        config = write_config(Path(folder), url, "60s")
        began = int(time.time())
        command = [str(cache.binary("telegraf-cloudwatch")), "--strict-env-handling", "--config", str(config)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as telegraf:
            time.sleep(LATE_RUNS_SECONDS)
            telegraf.terminate()
        lines = (Path(folder) / "out.influx").read_text().splitlines()
        theirs = {int(line.rsplit(" ", 1)[1]) // 10**9 // 60 for line in lines}
        out, _ = run_child([sys.executable, "-m", "benchmarks.cloudwatch", "--push", url, "--late"])
        ours = set(json.loads(out)["minutes"])
        stop()
    # Minutes that had ended and were visible before the end, and that a run of Telegraf was there for.
    minutes = set(range(began // 60, (began + LATE_RUNS_SECONDS - LATE_SECONDS - 120) // 60 + 1))
    return {"points": len(minutes), "lost_by_telegraf": len(minutes - theirs), "lost_by_ours": len(minutes - ours)}


@contextmanager
def served(metrics: int, *, late: bool = False) -> Iterator[tuple[str, Any]]:
    """Serve a fake in another process; yield its URL and a function that ends it and returns its counts."""
    command = [sys.executable, "-m", "benchmarks.cloudwatch", "--serve", str(metrics), *(["--late"] if late else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()

        def stop() -> Any:
            out, _ = process.communicate("")
            return json.loads(out)

        try:
            yield url, stop
        finally:
            process.terminate()


def run_server(metrics: int, *, late: bool) -> int:
    """Serve until the input ends; then print how many requests came, and what AWS would count."""
    now = int(time.time())
    fake = FakeCloudWatch(now)
    minute = now - now % 60
    for number in range(metrics):
        values = dict.fromkeys(range(minute - 3600, minute + 3600, 60), 1.0)
        fake.put(
            "AWS/SQS", "NumberOfMessagesSent", {"QueueName": f"q{number}"}, values, late=LATE_SECONDS if late else 0
        )
    with serve(fake) as url:
        print(url, flush=True)
        while not _input_ended(fake):
            pass
    print(json.dumps({"requests": fake.count("get_metric_data"), "metrics_paid": fake.billed}))
    return 0


def _input_ended(fake: FakeCloudWatch) -> bool:
    fake.now = int(time.time())
    ready, _, _ = select.select([sys.stdin], [], [], 0.2)
    return bool(ready)


def run_push(url: str, *, late: bool) -> int:
    """Fetch once, encode every row as a database would, and print how many there were."""
    os.environ.update(AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID="example", AWS_SECRET_ACCESS_KEY="example-key")
    declared = build_declarations({"declarations": {"queues": QUEUES}}, region=REGION)
    database = connect("http://127.0.0.1:9", database="none")
    minutes: set[int] = set()

    def take(body: bytes, *_: float) -> None:
        if late:
            lines = [line for line in body.decode().splitlines() if line.startswith("cloudwatch_aws")]
            minutes.update(int(line.rsplit(" ", 1)[1]) // 10**9 // 60 for line in lines)

    database._write_lines = take  # type: ignore[method-assign, assignment]
    database.read_values = lambda *_, **__: []  # type: ignore[method-assign]
    database.read_retention = lambda: None  # type: ignore[method-assign]
    chosen = [each for each in declared if each.name == "queues"]
    coverage = push(AwsClients(), database, chosen, now=datetime.now(timezone.utc))
    assert coverage.ok, coverage.problems
    print(json.dumps({"rows": coverage.rows, "minutes": sorted(minutes)} if late else {"rows": coverage.rows}))
    return 0


def run_child(command: list[str]) -> tuple[str, dict[str, float]]:
    """Run a program; return what it printed, its CPU time and the most memory that it had."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        assert process.returncode == 0, f"{command} failed"
        out.seek(0)
        text = out.read()
    cpu = round(usage.ru_utime + usage.ru_stime, 2)
    return text, {"seconds": round(seconds, 2), "cpu_seconds": cpu, "megabytes": round(usage.ru_maxrss / 1024, 1)}


def write_config(folder: Path, url: str, interval: str) -> Path:
    """Write Telegraf's configuration: the period is the shortest that it allows."""
    path = folder / "telegraf.conf"
    path.write_text(f"""
[agent]
  interval = "{interval}"
  flush_interval = "1s"
  omit_hostname = true
  skip_processors_after_aggregators = true
[[inputs.cloudwatch]]
  region = "{REGION}"
  access_key = "example"
  secret_key = "example-key"
  endpoint_url = "{url}"
  period = "1m"
  delay = "1m"
  interval = "{interval}"
  namespaces = ["AWS/SQS"]
  statistic_include = ["sum"]
[[outputs.file]]
  files = ["{folder}/out.influx"]
""")
    return path


def show(results: dict[str, Any]) -> list[str]:
    """Return the results as lines."""
    lines = [f"{results['metrics']} metrics, one run"]
    for name in ("ours", "telegraf"):
        if name in results:
            figures = "  ".join(f"{key} {value}" for key, value in results[name].items())
            lines.append(f"{name:10}{figures}")
    for key, limit in GOALS.items():
        met = "met" if results["ours"][key] <= limit else "MISSED"
        lines.append(f"goal: {key} at most {limit:g}: {results['ours'][key]:g}  {met}")
    return lines + ([f"late points: {results['late']}"] if "late" in results else [])


if __name__ == "__main__":
    sys.exit(main())
