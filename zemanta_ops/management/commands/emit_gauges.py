"""Collect the application-state gauges and send them to the agent."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.conf import conf
from zemanta_ops.management.base import OpsCommand
from zemanta_ops.management.leader import acquire_for_node, add_lease_option, report_state, run_alone
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.gauges import lease, loop
from zemanta_ops.metrics.gauges.collector import Collector, GaugeState
from zemanta_ops.metrics.gauges.registry import find_gauges
from zemanta_ops.secrets.redaction import redact

EXIT_LOCK = 3
EXIT_FAILED = 4
NAME = "emit_gauges"

EPILOG = """
examples:
  manage.py emit_gauges --loop             collect each gauge when it is due; run it on every node, one collects
  manage.py emit_gauges --once             collect every gauge now, for cron; one node collects
  manage.py emit_gauges --once --json      the same, for scripts

exit codes:
  0  done, or another process holds the lock
  1  no gauge is registered
  2  wrong arguments
  3  the lock cannot be taken; the message says why and what to do
  4  --once: at least one gauge failed; the others were sent
"""


class Command(OpsCommand):
    """Finds the gauges and the lock, and passes them to the collector."""

    help = "Collects the application-state gauges (metrics.app_gauge) and sends them to the agent."
    epilog = EPILOG
    requires_system_checks = ("zemanta_ops",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        mode = parser.add_mutually_exclusive_group(required=True)
        mode.add_argument("--once", action="store_true", help="collect every gauge now, then exit")
        mode.add_argument("--loop", action="store_true", help="collect until SIGTERM or Ctrl-C")
        add_lease_option(parser)
        parser.add_argument("--json", action="store_true", help="print JSON, one document per line")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Collect once or in a loop."""
        gauges = find_gauges()
        if not gauges:
            raise CommandError("No gauge is registered. Decorate functions in an app's gauges.py with app_gauge")
        if not default_client.health()["enabled"]:
            self.stderr.write("metrics are switched off (ENABLED): gauges are collected but not sent")
        collector = Collector(gauges, conf.metrics.agent_interval)
        try:
            if options["once"]:
                self._collect_once(collector, options["lease"], options["json"])
            else:
                self._collect_in_loop(collector, options["lease"], options["json"])
        except lease.LeaseError as error:
            raise CommandError(str(error), returncode=EXIT_LOCK) from error
        finally:
            default_client.flush()

    def _collect_once(self, collector: Collector, seconds: float | None, as_json: bool) -> None:
        mine = acquire_for_node(NAME, seconds)
        if mine:
            collector.collect_once()
        states = collector.states if mine else []
        if as_json:
            self.stdout.write(
                json.dumps({"collected": mine, "gauges": [_build_dict(state) for state in states]}, default=str)
            )
        elif not mine:
            self.stdout.write(loop.WAITING)
        else:
            self._list(states)
        if any(state.error for state in states):
            sys.exit(EXIT_FAILED)

    def _list(self, states: list[GaugeState]) -> None:
        for state in states:
            if state.error:
                self.stderr.write(f"{state.gauge.name} failed: {redact(state.error)}")
            for reading in state.values:
                tags = "".join(f" {key}={value}" for key, value in reading.tags.items())
                self.stdout.write(f"{reading.name}{tags} {reading.value:g}")

    def _collect_in_loop(self, collector: Collector, seconds: float | None, as_json: bool) -> None:
        run_alone(
            collector,
            NAME,
            seconds,
            lambda state: report_state(self.stdout, state, "collecting", as_json=as_json),
        )


def _build_dict(state: GaugeState) -> dict[str, Any]:
    readings = [{"value": reading.value, "tags": dict(reading.tags)} for reading in state.values]
    return {"name": state.gauge.name, "error": state.error and redact(state.error), "readings": readings}
