"""List the metrics and series that this deployment can produce."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from zemanta_ops.conf import conf
from zemanta_ops.management.base import OpsCommand
from zemanta_ops.metrics.gauges.registry import find_gauges
from zemanta_ops.stack.inventory.emitted_metrics import EmittedMetric, list_excesses, list_metrics

EXIT_FOLDED = 5

EPILOG = """
examples:
  manage.py metrics_series                  one line per metric: type, most series, number of values of each tag
  manage.py metrics_series --values         list every known value of every tag too
  manage.py metrics_series --json           the same, for scripts
  manage.py metrics_series --check          exit code 5 if MAX_SERIES or MAX_TAG_VALUES is too low

A ? means that the values are known only when the metric is emitted. The project's own metrics are found in the source
of its apps: calls of zemanta_ops.metrics with a constant name. Each host multiplies the series.

exit codes:
  0  listed
  2  wrong arguments
  5  --check: known values exceed MAX_SERIES or MAX_TAG_VALUES, and some would become _other
"""


class Command(OpsCommand):
    """Prints the inventory."""

    help = "Lists every metric that this deployment can produce, with its tags and the most series it can have."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--values", action="store_true", help="list the known values of every tag")
        parser.add_argument("--check", action="store_true", help="fail if the limits are too low")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """List, warn, and exit."""
        # Rather a traceback than an inventory without the gauges of a module.
        find_gauges()
        found = list_metrics()
        excesses = list_excesses(found)
        limit = conf.metrics.max_series
        if options["json"]:
            self.stdout.write(json.dumps(_build_document(found, excesses, limit), indent=2))
        else:
            self._print(found, limit, options["values"])
            for line in excesses:
                self.stderr.write(f"warning: {line}: the rest becomes _other")
        if excesses and options["check"]:
            sys.exit(EXIT_FOLDED)

    def _print(self, found: list[EmittedMetric], limit: int, with_values: bool) -> None:
        width = max(len(metric.name) for metric in found)
        for metric in found:
            most = str(metric.limit_series(limit)) if metric.series is not None else f"<= {limit}"
            tags = ", ".join(f"{key} {_describe_values(values)}" for key, values in metric.tags.items())
            self.stdout.write(f"{metric.name:{width}}  {metric.kind:9}  {most:>8}  {tags}".rstrip())
            if with_values:
                self._print_values(metric)
        known = [metric.limit_series(limit) for metric in found if metric.series is not None]
        self.stdout.write(f"{len(known)} metrics of known tags: at most {sum(known)} series per host")
        self.stdout.write(f"{len(found) - len(known)} metrics with a tag of unknown values: at most {limit} each")

    def _print_values(self, metric: EmittedMetric) -> None:
        for key, values in metric.tags.items():
            self.stdout.write(f"    {key}: {'?' if values is None else ', '.join(values)}")
        for place in metric.places:
            self.stdout.write(f"    from {place}")


def _describe_values(values: Sequence[str] | None) -> str:
    return "?" if values is None else str(len(values))


def _build_document(found: list[EmittedMetric], excesses: list[str], limit: int) -> dict[str, Any]:
    metrics = [
        {
            "name": metric.name,
            "kind": metric.kind,
            "tags": metric.tags,
            "series": metric.series,
            "at_most": metric.limit_series(limit),
            "places": metric.places,
        }
        for metric in found
    ]
    return {"metrics": metrics, "at_most": sum(metric.limit_series(limit) for metric in found), "warnings": excesses}
