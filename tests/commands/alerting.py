"""A shop whose requests fail, and the commands about alerts run on it."""

from __future__ import annotations

import time
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.alerting.listening import Listener
from tests.stack.alerting.receivers.sending import ROUTING_KEY
from tests.stack.generate.grafana.traffic import MIDDLEWARE
from zemanta_ops.stack.declarations import Alert, Composite, Objective, above, total

METRICS = {"AGENT_INTERVAL": 1}
NOBODY = {"INFLUXDB": {"URL": "http://127.0.0.1:9", "DATABASE": "telegraf"}}


def declare() -> None:
    """Declare an alert and an objective about requests."""
    ratio = Composite(
        "shop.error_ratio",
        numerator=total("http.request.count", status="5*"),
        denominator=total("http.request.count"),
        by=("view",),
        min_denominator=20,
        unit="ratio",
    )
    Alert(
        ratio,
        warn=above(0.01),
        crit=above(0.05),
        window="5m",
        message="{view}: {value:.1%} of requests fail",
        runbook="https://wiki.example.com/errors",
    )
    Objective(
        "checkout",
        total=total("http.request.count", view="cart"),
        bad={"status": "5*"},
        target=0.999,
        runbook="https://wiki.example.com/checkout",
    )


def fill(store: Store) -> Store:
    """Write requests of the last hour, of which a quarter failed."""
    now = int(time.time())
    lines = [
        f"http_request_count,metric_type=counter,host=web-1,method=GET,view=cart,status={status} value={number} "
        f"{(now - age) * 10**9}"
        for age in range(60, 3_600, 10)
        for status, number in ((200, 30), (500, 10))
    ]
    store.write("\n".join(lines))
    if isinstance(store.server, VictoriaMetrics):
        store.server.flush()
    return store


def run(*arguments: str, store: Store | None = None, **receivers: Any) -> tuple[int, list[str], str]:
    """Return the exit code, the lines of standard output, and standard error."""
    out, err = StringIO(), StringIO()
    database = {store.section: store.settings} if store else NOBODY
    section = {"METRICS": METRICS, **database, "ALERTS": {"RECEIVERS": receivers}}
    code = 0
    with override_settings(MIDDLEWARE=MIDDLEWARE, ZEMANTA_OPS=section):
        try:
            call_command(*arguments, stdout=out, stderr=err)
        except CommandError as error:
            return error.returncode, out.getvalue().splitlines(), str(error)
        except SystemExit as exit_:
            code = int(exit_.code or 0)
    return code, out.getvalue().splitlines(), err.getvalue()


def pager(listener: Listener) -> dict[str, str]:
    return {"BACKEND": "pagerduty", "ROUTING_KEY": ROUTING_KEY, "URL": listener.url}
