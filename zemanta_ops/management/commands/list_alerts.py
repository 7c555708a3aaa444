"""List open alerts, silences, and what receivers have not accepted."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.conf import conf
from zemanta_ops.management.base import EXIT_SETTINGS, OpsCommand
from zemanta_ops.management.commands.silence_alert import describe_silence
from zemanta_ops.stack.alerting.overview import OpenAlert, Overview, StuckEvent, read_overview
from zemanta_ops.stack.alerting.receivers import read_receivers
from zemanta_ops.stack.alerting.series import format_time
from zemanta_ops.stack.alerting.store import describe_database_error
from zemanta_ops.tables import TABLE_ERRORS
from zemanta_ops.terminal import escape

EXIT_UNJUDGED = 4
EXIT_UNDELIVERED = 5
WIDTH = 80
_RUN = "Run: manage.py check_alerts"

EPILOG = """
examples:
  manage.py list_alerts            what is open, silenced or not delivered
  manage.py list_alerts --json     the same, for scripts

exit codes:
  0  alerts are judged and every event was accepted, whether or not something is open
  2  wrong arguments
  3  the state cannot be read; the message says why
  4  check_alerts does not run: no alert was judged for 15 minutes; or at least one alert cannot be judged
  5  an event waits, or was refused or skipped in the last 24 hours, or a receiver or a setting cannot be used
"""


class Command(OpsCommand):
    """Prints the overview."""

    help = "Lists open alerts, silences, and what receivers have not accepted."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Read and print."""
        try:
            overview = read_overview(time.time())
        except TABLE_ERRORS as error:
            raise CommandError(describe_database_error(error), returncode=EXIT_SETTINGS) from None
        settings = [f"{fault}." for fault in conf.alerts.find_faults()]
        faults = [f"{fault.text} {fault.hint}" for fault in read_receivers().faults]
        if options["json"]:
            self.stdout.write(json.dumps({**overview.build_document(), "faults": [*settings, *faults]}, indent=2))
        else:
            for line in list_lines(overview, settings, faults):
                self.stdout.write(line)
        if overview.is_stale or overview.failing_since is not None:
            sys.exit(EXIT_UNJUDGED)
        if settings or faults or any(each.is_undelivered for each in overview.stuck):
            sys.exit(EXIT_UNDELIVERED)


def list_lines(overview: Overview, settings: list[str], faults: list[str]) -> Iterator[str]:
    """Yield lines of at most 80 columns; only a name that is longer than that is not cut."""
    for alert in overview.alerts:
        yield from _wrap(describe_alert(alert))
    if not overview.alerts:
        yield "nothing is open"
    yield from _list_part("Silenced", [describe_silence(each) for each in overview.silences])
    yield from _list_part("Not delivered as it should be", [describe_stuck(each) for each in overview.stuck])
    yield from _list_part("Settings that cannot be used", settings)
    yield from _list_part("Receivers that cannot be used", faults)
    yield ""
    yield from _wrap(describe_judging(overview))


def describe_alert(alert: OpenAlert) -> str:
    """Return the text about an open alert."""
    state = alert.state
    value = "no data" if state.value is None else f"{state.value:g}"
    notes = ", flapping" if state.memory.is_flapping else ""
    if alert.silence is not None:
        notes += f", silenced until {format_time(alert.silence.until)}"
    return f"{state.memory.level.word:5} {state.identity}: {value} since {format_time(state.memory.since)}{notes}"


def describe_stuck(event: StuckEvent) -> str:
    """Return the text about an event."""
    what = event.action if event.action == "resolve" else f"{event.action} {event.level}"
    tries = "1 attempt" if event.attempts == 1 else f"{event.attempts} attempts"
    reason = event.problem or "not sent yet"
    return (
        f"{event.status}: {what} {event.identity} to {event.receiver} of {format_time(event.created_at)}, "
        f"{tries}: {reason}"
    )


def describe_judging(overview: Overview) -> str:
    """Return when alerts were judged."""
    if not overview.judged_at:
        return f"No alert was ever judged. {_RUN}"
    when = format_time(overview.judged_at)
    if overview.is_stale:
        return f"Nobody judges the alerts: the last time was {when}. Run: manage.py check_alerts --loop"
    if overview.failing_since is not None:
        return f"Not all alerts have been judged since {format_time(overview.failing_since)}. {_RUN}"
    return f"{overview.count} alerts, judged last at {when}"


def _list_part(title: str, texts: list[str]) -> Iterator[str]:
    if texts:
        yield ""
        yield f"{title}:"
    for text in texts:
        yield from _wrap(text, "  ")


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        escape(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
