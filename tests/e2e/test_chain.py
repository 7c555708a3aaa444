"""The whole chain: a request to the example site, through Telegraf, read back from InfluxDB."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers.fixtures import StartTelegraf, run
from tests.servers.http import HttpError, answers, call
from tests.servers.influxdb1 import InfluxDB1, Row
from tests.servers.process import Server, free_port, wait_until
from tests.servers.telegraf import config, influxdb1_output

pytestmark = pytest.mark.usefixtures("without_coverage")

ROOT = Path(__file__).resolve().parents[2]
GUNICORN = ["gunicorn", "example_project.wsgi", "--workers=2", "--bind=127.0.0.1:{port}"]
UVICORN = ["uvicorn", "example_project.asgi:application", "--lifespan=off", "--port={port}"]


def site(command: list[str], agent_port: int, folder: Path, stack: ExitStack) -> str:
    """Start the example site, its secrets decrypted by its settings, and return its address."""
    port = free_port()
    env = {
        "DJANGO_SETTINGS_MODULE": "example_project.settings.development",
        "PYTHONPATH": str(ROOT),
        "SHOP_DATA_DIR": str(folder),
        "ZEMANTA_OPS_METRICS_PORT": str(agent_port),
        "ZEMANTA_OPS_METRICS_FLUSH_SECONDS": "0.2",
        "ZEMANTA_OPS_METRICS_HOST_TAG": "shop-1",
    }
    url = f"http://127.0.0.1:{port}"
    arguments = [sys.executable, "-m", *(part.format(port=port) for part in command)]
    server = Server(command[0], arguments, folder, lambda: answers(f"{url}/healthz/"), env)
    migrate = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
    subprocess.run(migrate, env=server.environment(), check=True, cwd=folder)
    run(server, stack)
    return url


def by_series(rows: list[Row], field: str) -> dict[tuple[str, str, str], float]:
    return {(row["method"], row["view"], row["status"]): row[field] for row in rows}


@pytest.mark.parametrize(("command", "view"), [(GUNICORN, "job-list"), (UVICORN, "async-counts")])
def test_a_request_is_read_back_from_influxdb(
    command: list[str],
    view: str,
    start_telegraf: StartTelegraf,
    influxdb1: InfluxDB1,
    database: str,
    tmp_path: Path,
    server_stack: ExitStack,
) -> None:
    agent_port = free_port()
    telegraf = start_telegraf(config(agent_port, influxdb1_output(influxdb1.url, database)), agent_port)
    url = site(command, agent_port, tmp_path, server_stack)
    path = {"job-list": "/jobs/", "async-counts": "/async/"}[view]

    started = time.monotonic()
    for _ in range(5):
        call(f"{url}{path}")
    call(f"{url}/slow/?ms=120")
    with pytest.raises(HttpError, match="404"):
        call(f"{url}/nowhere/")
    elapsed = (time.monotonic() - started) * 1000

    def counts() -> dict[tuple[str, str, str], float]:
        said = influxdb1.query(
            "SELECT SUM(value) AS requests FROM http_request_count "
            "WHERE app = 'print-shop' AND host = 'shop-1' AND metric_type = 'counter' GROUP BY method, view, status",
            database,
        )
        return by_series(said, "requests")

    expected = {("GET", view, "200"): 5, ("GET", "slow", "200"): 1, ("GET", "unresolved", "404"): 1}
    wait_until(lambda: counts() == expected, 15)
    assert counts() == expected
    timed = influxdb1.query(
        "SELECT SUM(count) AS requests, MIN(lower) AS lower, MAX(upper) AS upper FROM http_request_duration "
        "WHERE app = 'print-shop' AND host = 'shop-1' AND metric_type = 'timing' GROUP BY method, view, status",
        database,
    )
    assert by_series(timed, "requests") == expected
    assert all(0 < row["lower"] <= row["upper"] < elapsed for row in timed)
    assert by_series(timed, "lower")["GET", "slow", "200"] >= 120
    assert telegraf.warnings() == []
