"""Show what becomes of a dotted name of before."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.management.base import OpsCommand
from zemanta_ops.stack.generate.telegraf.legacy import LegacyError, Outcome, declared_patterns, explain

EXIT_SETTINGS = 3
EXIT_NO_PATTERN = 4
EXIT_LOST = 5

EPILOG = """
examples:
  manage.py explain_legacy z1.prod.web-1.view.GET.home.200     measurement, tags and field
  manage.py explain_legacy --json NAME NAME                    the same for scripts

The patterns are in ZEMANTA_OPS["METRICS"]["LEGACY_NAMES"]; generate_stack telegraf makes templates of them.

exit codes:
  0  each name fits a pattern, and nothing of it is lost
  1  wrong use
  3  LEGACY_NAMES cannot be used; the message says why
  4  a name fits no pattern: it stays whole, as the measurement
  5  something of a name is lost that its pattern does not leave out
"""


class Command(OpsCommand):
    """Thin: explain, print, exit code."""

    help = "Shows what Telegraf makes of a dotted name under the templates of LEGACY_NAMES."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("names", nargs="+", metavar="NAME", help="a name without value and tags")
        parser.add_argument("--json", action="store_true", help="one JSON document: a list, an entry a name")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Explain each name; the greatest exit code counts."""
        for name in options["names"]:
            if not name.strip() or any(mark in name for mark in ",:|\n"):
                raise CommandError(f"{name!r} is not a name alone: give it without value, type and tags")
        try:
            patterns = declared_patterns()
        except LegacyError as error:
            raise CommandError("\n".join(error.problems), returncode=EXIT_SETTINGS) from None
        outcomes = [explain(name, patterns) for name in options["names"]]
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(outcome) for outcome in outcomes], indent=2))
        else:
            for outcome in outcomes:
                self._show(outcome)
        if code := max(map(_code, outcomes)):
            sys.exit(code)

    def _show(self, outcome: Outcome) -> None:
        self.stdout.write(outcome.name)
        self._line("pattern", outcome.pattern or f"none: {outcome.reason}")
        self._line("measurement", outcome.measurement)
        self._line("tags", ", ".join(f"{key}={value}" for key, value in outcome.tags.items()) or "none")
        self._line("field", outcome.field)
        if outcome.left_out:
            self._line("left out", ", ".join(outcome.left_out))
        for lost in outcome.lost:
            self._line("lost", lost)

    def _line(self, label: str, text: str) -> None:
        self.stdout.write(f"  {label:13}{text}")


def _code(outcome: Outcome) -> int:
    if outcome.lost:
        return EXIT_LOST
    return 0 if outcome.pattern else EXIT_NO_PATTERN
