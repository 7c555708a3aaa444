"""Prove that metrics flow from the application to InfluxDB, or report where they stop."""

from __future__ import annotations

import json
import sys
import time
from contextlib import nullcontext
from typing import Any

from django.core.management.base import CommandParser

from zemanta_ops import metrics
from zemanta_ops.management.base import OpsCommand, parse_count, parse_seconds
from zemanta_ops.metrics import catalog
from zemanta_ops.signals import handle_end_signals
from zemanta_ops.stack.check.flow import check_flow
from zemanta_ops.stack.check.hops import FlowReport, Hop

EPILOG = """
examples:
  manage.py check_metrics                     one line per hop, and what to do about the one that fails
  manage.py check_metrics --json              the same, for scripts
  manage.py check_metrics --timeout 90        for an agent that flushes once a minute
  manage.py check_metrics --watch 60          a canary: check every minute; its result is a metric too

exit codes:
   0  the metric arrived, or no InfluxDB is configured and the agent accepts datagrams
   2  wrong arguments
  10  settings
  11  agent: nothing receives what the application sends
  12  database: InfluxDB cannot be reached or read
  13  telegraf: the agent does not write, or loses metrics
  14  probe: it did not arrive, or arrived with a wrong time or without its tags
  15  cloudwatch: push_cloudwatch does not run, or not completely
 129, 130, 143  ended by SIGHUP, Ctrl-C or SIGTERM; with --watch, these end it with 0
"""


class Command(OpsCommand):
    """Checks, prints the hops and exits with the code of the first that failed."""

    help = "Sends a metric and follows it to InfluxDB; reports the hop at which it stops and what to do."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--timeout",
            type=parse_seconds,
            metavar="SECONDS",
            help="how long to wait for the metric (default: 3 x AGENT_INTERVAL + 5)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document per check")
        parser.add_argument("--watch", type=parse_seconds, metavar="SECONDS", help="check repeatedly, this far apart")
        parser.add_argument("--rounds", type=parse_count, metavar="N", help="end --watch after this many checks")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Check once, or as often as asked; exit with the code of the last check."""
        self.as_json = options["json"]
        pause, rounds = options["watch"], options["rounds"]
        with handle_end_signals(_end) if pause else nullcontext():
            report = self._check(options["timeout"])
            if pause:
                _emit(report)
                for _ in range(1, rounds or sys.maxsize):
                    time.sleep(pause)
                    report = self._check(options["timeout"])
                    _emit(report)
        sys.exit(report.exit_code)

    def _check(self, timeout: float | None) -> FlowReport:
        report = check_flow(timeout, self._show_wait if self.stderr.isatty() else None)
        if self.stderr.isatty():
            self.stderr.write("\r\x1b[K", style_func=str, ending="")
        if self.as_json:
            self.stdout.write(json.dumps(report.build_document()))
        else:
            for hop in report.hops:
                self._print(hop)
        self.stdout.flush()
        return report

    def _print(self, hop: Hop) -> None:
        style = {"ok": self.style.SUCCESS, "failed": self.style.ERROR, "warning": self.style.WARNING}
        status = style.get(hop.status, str)(f"{hop.status:8}")
        took = f"  ({hop.seconds * 1000:.0f} ms)" if hop.seconds is not None and hop.name != "probe" else ""
        self.stdout.write(f"{status}{hop.name:9} {hop.text}{took}")
        if hop.advice:
            self.stdout.write(f"{'':8}{'':10}{hop.cause}: {hop.advice}")

    def _show_wait(self, seconds: float) -> None:
        self.stderr.write(f"\rwaiting for the probe: {seconds:.0f} s", style_func=str, ending="")


def _emit(report: FlowReport) -> None:
    """Emit the result as a metric, so that an alert can watch the canary and notice its silence."""
    metrics.gauge(catalog.CHECK_EXIT_CODE.name, report.exit_code)
    if report.latency is not None:
        metrics.timing(catalog.CHECK_LATENCY.name, report.latency)
    metrics.flush()


def _end() -> None:
    raise SystemExit(0)
