"""Draw the dashboards without Grafana."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops import atomic
from zemanta_ops.conf import conf
from zemanta_ops.extras import MissingExtraError
from zemanta_ops.management.base import EXIT_SETTINGS, OpsCommand, UsageError, parse_folder
from zemanta_ops.management.databases import exit_on_failure, open_database_or_exit
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.databases import Database
from zemanta_ops.stack.generate.grafana import build_dashboards, choose_language, read_sources
from zemanta_ops.stack.settings import list_faults
from zemanta_ops.times import accept_duration

if TYPE_CHECKING:
    from zemanta_ops.stack.charts.show import Shown

EXIT_DATABASE = 4
EXIT_NOT_WRITTEN = 5

EPILOG = """
examples:
  manage.py show_dashboards --output shown                 the last six hours: shown/index.html and a PNG each
  manage.py show_dashboards --output shown --since 7d      the last week
  manage.py show_dashboards --output shown --set host=web-1 --set view=shop_checkout

The panels are those of generate_stack grafana, and so are their queries.

exit codes:
  0  drawn
  2  wrong arguments
  3  the settings cannot be used, or matplotlib is not installed; the message says which
  4  the database cannot be reached, or does not answer within 10 s; or it refuses the query of a panel, and the others
     are drawn
  5  a file could not be written
"""


class Command(OpsCommand):
    """Reads the database and writes a page and pictures."""

    help = "Draws the dashboards from the database into one HTML page and PNG files."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--output", type=parse_folder, metavar="FOLDER", required=True, help="created if missing")
        parser.add_argument("--since", default="6h", help="how long ago the time shown begins: 30m, 6h, 7d")
        parser.add_argument("--set", action="append", default=[], metavar="TAG=VALUE", help="choose a variable's value")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Draw and write."""
        window, choice = _read_window(options["since"]), _read_choice(options["set"])
        if faults := list_faults():
            raise CommandError("; ".join(faults), returncode=EXIT_SETTINGS)
        try:
            with open_database_or_exit() as database, exit_on_failure(database, EXIT_DATABASE):
                shown = _draw(database, window, choice)
        except (ValueError, MissingExtraError) as error:
            raise CommandError(str(error), returncode=EXIT_SETTINGS) from None
        try:
            options["output"].mkdir(parents=True, exist_ok=True)
            for name, data in shown.files.items():
                atomic.replace(options["output"] / name, data)
                self.stdout.write(f"written   {options['output'] / name}")
        except OSError as error:
            message = f"{error.filename or options['output']} could not be written: {error.strerror}"
            raise CommandError(message, returncode=EXIT_NOT_WRITTEN) from None
        if shown.refusals:
            panels = "; ".join(shown.refusals)
            raise CommandError(f"The database refuses the queries of panels: {panels}", returncode=EXIT_DATABASE)


def _draw(database: Database, window: Window, choice: Choice) -> Shown:
    # matplotlib is optional, and takes half a second to import.
    from zemanta_ops.stack.charts.show import draw_all

    sources, _ = read_sources()
    dashboards = build_dashboards(sources, choose_language())
    chosen = _name_variables(dashboards, choice)
    return draw_all(dashboards, database, window, chosen, f"{sources.project}: dashboards")


def _name_variables(dashboards: Mapping[str, Mapping[str, Any]], choice: Choice) -> Choice:
    """Return the choice by variable: a row that is repeated by a tag has one of its own for it."""
    variables = [
        each for board in dashboards.values() for each in board["templating"]["list"] if each["type"] == "query"
    ]
    tags = sorted({each["label"] for each in variables})
    if unknown := sorted(set(choice.values) - set(tags)):
        raise UsageError(f"--set {unknown[0]}: no dashboard has this choice. Choose among: {', '.join(tags)}")
    values = {each["name"]: choice.values[each["label"]] for each in variables if each["label"] in choice.values}
    return Choice(values, choice.bucket)


def _read_window(since: str) -> Window:
    try:
        seconds = accept_duration(since)
    except ValueError as error:
        raise UsageError(f"--since {error}") from None
    if not seconds:
        raise UsageError("--since is empty. Give a duration such as 6h")
    now = int(time.time()) * 1_000
    return Window(now - seconds * 1_000, now)


def _read_choice(given: list[str]) -> Choice:
    values: dict[str, list[str]] = {}
    for each in given:
        tag, separator, value = each.partition("=")
        if not (tag and separator and value):
            raise UsageError(f"--set {each} is not of the form TAG=VALUE")
        values.setdefault(tag, []).append(value)
    return Choice(values, conf.influxdb.bucket)
