"""Run a command for dashboards against a store, and fill the store."""

from __future__ import annotations

import time
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.generate.grafana.traffic import MIDDLEWARE

# Further sections of the settings, for tests that need them.
FURTHER: dict[str, Any] = {}
METRICS = {"TAGS": {"app": "print-shop"}, "AGENT_INTERVAL": 1, "INSTRUMENT": ["database"]}


def run(*arguments: str, influxdb: dict[str, Any] | None = None, store: Store | None = None) -> tuple[int, str, str]:
    """Return the exit code, and what went to standard output and to standard error."""
    out, err = StringIO(), StringIO()
    database = {store.section: store.settings} if store else {"INFLUXDB": influxdb}
    with override_settings(MIDDLEWARE=MIDDLEWARE, ZEMANTA_OPS={"METRICS": METRICS, **FURTHER, **database}):
        try:
            call_command(*arguments, stdout=out, stderr=err)
        except CommandError as error:
            return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), err.getvalue()


def settle(store: Store) -> None:
    """Let what was written be read: VictoriaMetrics takes seconds by itself."""
    if isinstance(store.server, VictoriaMetrics):
        store.server.flush()


def write_two_requests(store: Store) -> None:
    """Write two requests of the last minute, as an agent writes them."""
    now = (int(time.time()) - 30) * 10**9
    tags = "app=print-shop,host=web-1,method=GET,view=<b>home</b>,status=200"
    store.write(f"http_request_count,metric_type=counter,{tags} value=2 {now}")
    fields = "count=2i,sum=30,mean=15,upper=20,95_percentile=20"
    store.write(f"http_request_duration,metric_type=timing,{tags} {fields} {now}")
    settle(store)
