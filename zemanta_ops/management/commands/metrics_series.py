"""List the metrics and series that this deployment can produce."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from zemanta_ops.conf import conf
from zemanta_ops.stack.inventory.emitted import Entry, entries, warnings

EXIT_FOLDED = 5

EPILOG = """
examples:
  manage.py metrics_series                  one line a metric: type, most series, number of values of each tag
  manage.py metrics_series --values         every known value of every tag too
  manage.py metrics_series --json           the same, for scripts
  manage.py metrics_series --check          exit code 5 where MAX_SERIES or MAX_TAG_VALUES is too low

A ? stands for values that are known only when they are emitted. The project's own metrics are found by reading the
source of its apps: calls of zemanta_ops.metrics with a constant name. Each host multiplies the series.

exit codes:
  0  listed
  1  wrong use
  5  --check: known values exceed MAX_SERIES or MAX_TAG_VALUES, and some would become _other
"""


class Command(BaseCommand):
    """Thin: prints the inventory."""

    help = "Lists every metric that this deployment can produce, with its tags and the most series it can have."
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the examples as they are written."""
        return super().create_parser(
            prog_name, subcommand, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--values", action="store_true", help="list the known values of every tag")
        parser.add_argument("--check", action="store_true", help="fail where the limits are too low")
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """List, warn, and exit."""
        found = entries()
        folded = warnings(found)
        limit = conf.metrics.max_series
        if options["json"]:
            self.stdout.write(json.dumps(_document(found, folded, limit), indent=2))
        else:
            self._table(found, limit, options["values"])
            for line in folded:
                self.stderr.write(f"warning: {line}: the rest becomes _other")
        if folded and options["check"]:
            sys.exit(EXIT_FOLDED)

    def _table(self, found: list[Entry], limit: int, with_values: bool) -> None:
        width = max(len(entry.name) for entry in found)
        for entry in found:
            most = str(entry.limited(limit)) if entry.series is not None else f"<= {limit}"
            tags = ", ".join(f"{key} {'?' if values is None else len(values)}" for key, values in entry.tags.items())
            self.stdout.write(f"{entry.name:{width}}  {entry.kind:9}  {most:>8}  {tags}".rstrip())
            if with_values:
                for key, values in entry.tags.items():
                    self.stdout.write(f"    {key}: {'?' if values is None else ', '.join(values)}")
                for place in entry.places:
                    self.stdout.write(f"    from {place}")
        known = [entry.limited(limit) for entry in found if entry.series is not None]
        self.stdout.write(f"{len(known)} metrics of known tags: at most {sum(known)} series a host")
        self.stdout.write(f"{len(found) - len(known)} metrics with a tag of unknown values: at most {limit} each")


def _document(found: list[Entry], folded: list[str], limit: int) -> dict[str, Any]:
    metrics = [
        {
            "name": entry.name,
            "kind": entry.kind,
            "tags": entry.tags,
            "series": entry.series,
            "at_most": entry.limited(limit),
            "places": entry.places,
        }
        for entry in found
    ]
    return {"metrics": metrics, "at_most": sum(entry.limited(limit) for entry in found), "warnings": folded}
