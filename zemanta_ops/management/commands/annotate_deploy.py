"""Mark a deploy on every dashboard."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.conf import conf
from zemanta_ops.management.base import EXIT_SETTINGS, OpsCommand, UsageError
from zemanta_ops.management.databases import open_database_or_exit
from zemanta_ops.metrics.series.tags import clean_tags, clean_value
from zemanta_ops.stack.alerting.deploys import announce_deploy
from zemanta_ops.stack.alerting.notification import Deploy
from zemanta_ops.stack.databases import DatabaseError, Point
from zemanta_ops.stack.declarations.names import DEPLOY
from zemanta_ops.stack.settings import list_faults

EXIT_DATABASE = 4
EXIT_RECEIVER = 5

EPILOG = """
examples:
  manage.py annotate_deploy 2.4.1                                 now
  manage.py annotate_deploy $(git rev-parse --short HEAD) --text "Faster search"

Run it at the end of a deploy. Every dashboard then shows a vertical line, with the version as its title. Receivers of
alerts that show deploys beside incidents, such as PagerDuty, get it too.

exit codes:
  0  written
  2  wrong arguments
  3  the settings cannot be used; the message says which
  4  the database cannot be reached, does not answer within 10 s, or refuses the point
  5  marked, but a receiver of alerts did not accept it; the message says which
"""


class Command(OpsCommand):
    """Writes one point, with the tags of METRICS TAGS."""

    help = "Writes a point that every dashboard shows as a deploy."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("deployed", metavar="VERSION", help="what was deployed")
        parser.add_argument("--text", default="", help="a line about it")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the point."""
        # VictoriaMetrics ends a point at a line break within a text, which the message of a commit has.
        version, text = (" ".join(options[name].split()) for name in ("deployed", "text"))
        if not clean_value(version):
            raise UsageError("VERSION is empty")
        if faults := list_faults():
            raise CommandError("; ".join(faults), returncode=EXIT_SETTINGS)
        try:
            self._write(build_point(version, text))
        except ValueError as error:
            raise CommandError(str(error), returncode=EXIT_SETTINGS) from None
        self._announce(version, text)

    def _write(self, point: Point) -> None:
        with open_database_or_exit(to_write=True) as database:
            try:
                report = database.write([point])
                failure = report.refused[0][1] if report.refused else ""
            except DatabaseError as error:
                failure = str(error)
            if failure:
                text = f"The deploy is not marked in {database.name}: {failure}"
                raise CommandError(text, returncode=EXIT_DATABASE)
        self.stdout.write(f"marked    {point.fields['title']} in {database.name}")

    def _announce(self, version: str, text: str) -> None:
        if not conf.alerts.receivers:
            return
        summary = f"{version}: {text}" if text else version
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        accepted, problems = announce_deploy(Deploy(version, summary, now, clean_tags(conf.metrics.tags)))
        for name in accepted:
            self.stdout.write(f"announced {summary} to {name}")
        if problems:
            raise CommandError("\n".join(problems), returncode=EXIT_RECEIVER)


def build_point(version: str, text: str) -> Point:
    """Return the point of a deploy; its title and its text are fields, so that they cost no series."""
    tags = {**clean_tags(conf.metrics.tags), "version": clean_value(version)}
    return Point(DEPLOY, {"title": version, "text": text, "value": 1.0}, tags, time.time_ns())
