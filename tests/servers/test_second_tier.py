"""The servers of the second tier, each used once: what was built works."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.servers.fixtures import StartTelegraf
from tests.servers.http import HttpError, call
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import ORG, InfluxDB2
from tests.servers.kapacitor import Kapacitor
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import config, influxdb2_output

pytestmark = pytest.mark.second_tier


def test_a_gauge_goes_through_telegraf_into_influxdb_2(
    start_telegraf: StartTelegraf, influxdb2: InfluxDB2, bucket: str
) -> None:
    port = free_port()
    telegraf = start_telegraf(config(port, influxdb2_output(influxdb2.url, bucket)), port)

    telegraf.send("load,room=größe:2.5|g")

    assert wait_until(lambda: bool(influxdb2.last_points("^load$", bucket)))
    (point,) = influxdb2.last_points("^load$", bucket)
    assert point.tags == {"host": "web-1", "metric_type": "gauge", "room": "größe"}
    assert point.fields == {"value": 2.5}
    assert influxdb2.types("load", bucket) == {"value": "float"}
    assert abs(point.time / 1e9 - time.time()) < 3600
    assert telegraf.warnings() == []


def test_tokens_of_influxdb_2_may_do_no_more_than_they_say(influxdb2: InfluxDB2, bucket: str) -> None:
    def write(token: str) -> str:
        where = {"org": ORG, "bucket": bucket}
        headers = {"Authorization": f"Token {token}"}
        return call(f"{influxdb2.url}/api/v2/write", where, data=b"a value=1", headers=headers)

    assert write(influxdb2.new_token(bucket, "write")) == ""
    with pytest.raises(HttpError, match="403"):
        write(influxdb2.new_token(bucket, "read"))
    with pytest.raises(HttpError, match="401"):
        write("example-wrong-token")


def test_kapacitor_writes_what_a_task_computes(influxdb1: InfluxDB1, database: str, kapacitor: Kapacitor) -> None:
    kapacitor.enable("requests_per_core", RATIO.format(database=database), database)

    def written() -> list[dict[str, object]]:
        # A task asks for the last seconds only, so there must always be new points.
        influxdb1.write("requests,host=a value=30\ncores,host=a value=4", database)
        return influxdb1.query("SELECT * FROM requests_per_core", database)

    assert wait_until(lambda: bool(written()), every=0.5)
    row = written()[0]
    assert (row["host"], row["value"]) == ("a", 7.5)


RATIO = """
var requests = batch
    |query('SELECT last(value) AS value FROM "{database}"."autogen".requests')
        .period(10s)
        .every(1s)
        .align()
        .groupBy('host')
var cores = batch
    |query('SELECT last(value) AS value FROM "{database}"."autogen".cores')
        .period(10s)
        .every(1s)
        .align()
        .groupBy('host')
requests
    |join(cores)
        .as('requests', 'cores')
        .tolerance(10s)
    |eval(lambda: float("requests.value") / float("cores.value"))
        .as('value')
    |influxDBOut()
        .database('{database}')
        .retentionPolicy('autogen')
        .measurement('requests_per_core')
"""


def test_sops_decrypts_what_it_encrypted_to_a_key_of_age(age: Path, sops: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    subprocess.run([age / "age-keygen", "-o", key], capture_output=True, check=True)
    public = subprocess.run([age / "age-keygen", "-y", key], capture_output=True, text=True, check=True).stdout.strip()
    plain = tmp_path / "example.json"
    plain.write_text('{"password": "example-plaintext"}')

    encrypted = subprocess.run([sops, "encrypt", "--age", public, plain], capture_output=True, check=True).stdout
    assert b"example-plaintext" not in encrypted
    plain.write_bytes(encrypted)
    env = {**os.environ, "SOPS_AGE_KEY_FILE": str(key)}
    decrypted = subprocess.run([sops, "decrypt", plain], env=env, capture_output=True, check=True).stdout
    assert json.loads(decrypted) == {"password": "example-plaintext"}
