"""``python -m tests.stack.cloudwatch.telegraf_names``: the names that Telegraf's own CloudWatch input gives.

It puts every shipped metric into the fake, lets the real plug-in write what it reads to a file, and keeps measurement,
tags and fields in ``telegraf_names.json``. The test of our names compares with that table; the second tier makes it
anew. moto does not serve: the plug-in's client speaks CBOR, which moto does not.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.servers import cache
from tests.stack.cloudwatch.account import REGION
from tests.stack.cloudwatch.fake import FakeCloudWatch
from tests.stack.cloudwatch.http_fake import serve
from zemanta_ops.stack.cloudwatch.declarations import DeclaredMetric
from zemanta_ops.stack.cloudwatch.defaults import load_defaults

TABLE = Path(__file__).with_name("telegraf_names.json")
# Names with what Telegraf's rules stumble over: plurals of acronyms, digits, blanks, underscores.
ODD = {
    "AWS/Usage": (
        "IPv6RequestCount",
        "VolumeReadIOPs",
        "DBLoadCPU",
        "GetTypeCmdsLatency",
        "WLMQueueLength",
        "4xxErrors",
    ),
    "Shop/Print Jobs": ("jobs_done", "jobs__Done", "Jobs Done", "ABCsOfAWS"),
}
SIMPLE = {"Average": "average", "Maximum": "maximum", "Minimum": "minimum", "SampleCount": "sample_count", "Sum": "sum"}

# Namespace, names of the dimensions, name of the metric.
Key = tuple[str, tuple[str, ...], str]


def list_metrics() -> list[Key]:
    """Return every shipped metric and the odd ones."""
    shipped: list[Key] = [
        (each.namespace, tuple(name for name, _ in each.dimensions), metric.name)
        for each in load_defaults().values()
        for metric in each.metrics
    ]
    odd: list[Key] = [
        (namespace, ("Service Name", "DBClusterID"), name) for namespace, names in ODD.items() for name in names
    ]
    return sorted(set(shipped + odd))


def make_table() -> list[dict[str, Any]]:
    """Return what the real plug-in makes of each metric."""
    keys = list_metrics()
    now = int(time.time())
    fake = FakeCloudWatch(now)
    for index, (namespace, dimensions, name) in enumerate(keys):
        # A resource of its own for each metric, by which its line is found again.
        values = {now - 30 * step: 1.0 for step in range(12)}
        fake.put(namespace, name, dict.fromkeys(dimensions, f"r{index}"), values)
    with tempfile.TemporaryDirectory() as folder, serve(fake) as url:
        lines = gather(url, Path(folder))
    return [build_row(key, index, lines) for index, key in enumerate(keys)]


def gather(url: str, folder: Path) -> list[str]:
    """Return the lines that Telegraf writes in one round."""
    config = folder / "telegraf.conf"
    output = folder / "out.influx"
    config.write_text(f"""
[agent]
  omit_hostname = true
  skip_processors_after_aggregators = true
[[inputs.cloudwatch]]
  region = "{REGION}"
  access_key = "example"
  secret_key = "example-key"
  endpoint_url = "{url}"
  period = "1m"
  delay = "1m"
  interval = "1m"
[[outputs.file]]
  files = ["{output}"]
""")
    command: list[str | Path] = [
        cache.binary("telegraf-cloudwatch"),
        "--strict-env-handling",
        "--config",
        config,
        "--once",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert output.exists(), done.stderr
    return output.read_text().splitlines()


def build_row(key: Key, index: int, lines: list[str]) -> dict[str, Any]:
    """Return one row of the table: what there is, and how Telegraf writes it."""
    namespace, dimensions, name = key
    found = [line for line in lines if f"=r{index}," in line or f"=r{index} " in line]
    assert found, key
    heads = {line.replace("\\ ", "\0").split(" ")[0].replace("\0", " ") for line in found}
    [head] = heads
    measurement, *tags = head.split(",")
    fields = sorted(
        {pair.split("=")[0] for line in found for pair in line.replace("\\ ", "_").split(" ")[1].split(",")}
    )
    return {
        "namespace": namespace,
        "dimensions": list(dimensions),
        "metric": name,
        "measurement": measurement,
        "tags": sorted(tag.split("=")[0] for tag in tags),
        "fields": fields,
    }


def list_fields(metric: str) -> list[str]:
    """Return our names for the statistics that Telegraf knows."""
    return sorted(DeclaredMetric(metric, tuple(SIMPLE)).list_fields())


if __name__ == "__main__":
    TABLE.write_text("[\n" + ",\n".join(json.dumps(row) for row in make_table()) + "\n]\n", encoding="utf-8")
