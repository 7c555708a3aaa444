"""Show what Telegraf makes of a legacy dotted name."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.management.base import EXIT_SETTINGS, OpsCommand, UsageError
from zemanta_ops.stack.generate.telegraf.legacy.declaration import LegacyError, read_patterns
from zemanta_ops.stack.generate.telegraf.legacy.explanation import Explanation, explain_name

EXIT_NO_PATTERN = 4
EXIT_LOST = 5

EPILOG = """
examples:
  manage.py explain_legacy z1.prod.web-1.view.GET.home.200     measurement, tags and field
  manage.py explain_legacy --json NAME NAME                    the same, for scripts

The patterns are in ZEMANTA_OPS["METRICS"]["LEGACY_NAMES"]; generate_stack telegraf makes templates of them.

exit codes:
  0  every name fits a pattern, and no part of it is lost
  2  wrong arguments
  3  LEGACY_NAMES cannot be used; the message says why
  4  a name fits no pattern: all of it becomes the measurement
  5  a part of a name is lost that its pattern does not leave out
"""


class Command(OpsCommand):
    """Explains each name, prints the explanations and exits with the greatest of their codes."""

    help = "Shows what Telegraf makes of a dotted name under the templates of LEGACY_NAMES."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("names", nargs="+", metavar="NAME", help="a name without its value and tags")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON document: a list with an entry per name"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Explain each name."""
        for name in options["names"]:
            if not name.strip() or any(mark in name for mark in ",:|\n"):
                raise UsageError(f"{name!r} is not just a name. Give it without value, type and tags")
        try:
            patterns = read_patterns()
        except LegacyError as error:
            raise CommandError("\n".join(error.problems), returncode=EXIT_SETTINGS) from None
        explanations = [explain_name(name, patterns) for name in options["names"]]
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(each) for each in explanations], indent=2))
        else:
            for explanation in explanations:
                self._print(explanation)
        if code := max(map(_choose_exit_code, explanations)):
            sys.exit(code)

    def _print(self, explanation: Explanation) -> None:
        self.stdout.write(explanation.name)
        self._print_line("pattern", explanation.pattern or f"none: {explanation.reason}")
        self._print_line("measurement", explanation.measurement)
        self._print_line("tags", ", ".join(f"{key}={value}" for key, value in explanation.tags.items()) or "none")
        self._print_line("field", explanation.field)
        if explanation.left_out:
            self._print_line("left out", ", ".join(explanation.left_out))
        for lost in explanation.lost:
            self._print_line("lost", lost)

    def _print_line(self, label: str, text: str) -> None:
        self.stdout.write(f"  {label:13}{text}")


def _choose_exit_code(explanation: Explanation) -> int:
    if explanation.lost:
        return EXIT_LOST
    return 0 if explanation.pattern else EXIT_NO_PATTERN
