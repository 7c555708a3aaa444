"""Fetch metrics of AWS services from CloudWatch and write them to the database of metrics."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import platformdirs
from django.core.management.base import CommandError, CommandParser

from zemanta_ops import metrics
from zemanta_ops.extras import MissingExtraError
from zemanta_ops.management.base import (
    EXIT_SETTINGS,
    OpsCommand,
    UsageError,
    add_range_options,
    check_range,
    parse_seconds,
)
from zemanta_ops.management.databases import open_database_or_exit
from zemanta_ops.metrics import catalog
from zemanta_ops.signals import SIGNALLED
from zemanta_ops.stack.databases import Retry
from zemanta_ops.stack.settings import (
    CLOUDWATCH_PLACE,
    list_faults,
    read_cloudwatch_options,
)

if TYPE_CHECKING:
    from zemanta_ops.stack.cloudwatch.clients import AwsClients
    from zemanta_ops.stack.cloudwatch.coverage import Coverage
    from zemanta_ops.stack.cloudwatch.declarations import Declaration

EXIT_INCOMPLETE = 1

EPILOG = """
examples:
  manage.py push_cloudwatch                                   fetch what is due; run it every five minutes
  manage.py push_cloudwatch --list                            what would be fetched, and what a month of it costs
  manage.py push_cloudwatch --list --only rds                 the same for one declaration
  manage.py push_cloudwatch --since 14d                       fill back two weeks; repeat it to resume
  manage.py push_cloudwatch --since 2026-03-01 --until 2026-03-02T12:00 --only sqs

Times without a zone are UTC. What one run misses, the next ones repair for 24 hours; --since repairs more.

exit codes:
  0  complete
  1  something failed or is missing; the report says what, and the rest is written
  2  wrong arguments
  3  the settings cannot be used; the message says which
  129, 130, 143  ended by SIGHUP, Ctrl-C or SIGTERM; what was written stays, and the next run fetches the rest
"""


class Command(OpsCommand):
    """Passes the settings to the core, and prints its report."""

    help = "Fetches metrics of AWS services from CloudWatch and writes them to the database of metrics."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--list", action="store_true", help="list what would be fetched and its price; write nothing"
        )
        parser.add_argument("--only", action="append", metavar="NAME", help="only this declaration; may be repeated")
        add_range_options(parser)
        parser.add_argument("--time-limit", type=parse_seconds, metavar="SECONDS", help="end after this long")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """List, fill back or run once; with ``--json``, a run that a signal ends prints a document too."""
        try:
            self._run(options)
        except SystemExit as ended:
            if isinstance(ended.code, int) and ended.code > SIGNALLED:
                text = _describe_end(ended.code - SIGNALLED, options)
                self.stderr.write(text)
                if options["json"]:
                    self.stdout.write(json.dumps({"ok": False, "problems": [text]}, indent=2))
            raise

    def _run(self, options: dict[str, Any]) -> None:
        check_range(options["since"], options["until"])
        if options["list"] and options["since"]:
            raise UsageError("--list prices the schedule, not a back-fill: leave out --since")
        if faults := list_faults():
            raise CommandError("; ".join(faults), returncode=EXIT_SETTINGS)
        try:
            from zemanta_ops.stack.cloudwatch.clients import AwsClients

            clients = AwsClients(adaptive=bool(options["since"]))
            declarations = self._read_declarations(clients, options["only"])
            if options["list"]:
                self._list(clients, declarations, options["json"])
            else:
                self._push(clients, declarations, options)
        except MissingExtraError as error:
            raise CommandError(str(error), returncode=EXIT_SETTINGS) from None

    def _read_declarations(self, clients: AwsClients, only: list[str] | None) -> list[Declaration]:
        from zemanta_ops.stack.cloudwatch.declarations import DeclarationError, suggest
        from zemanta_ops.stack.cloudwatch.defaults import build_declarations, load_defaults
        from zemanta_ops.stack.cloudwatch.failures import AwsError, describe_setup

        given = read_cloudwatch_options()
        try:
            found = build_declarations(given, place=CLOUDWATCH_PLACE, region=clients.default_region, spell=str.upper)
        except AwsError as error:
            raise CommandError(f"AWS: {describe_setup(error)}", returncode=EXIT_SETTINGS) from None
        except DeclarationError as error:
            raise CommandError("\n".join(error.faults), returncode=EXIT_SETTINGS) from None
        names = [each.name for each in found]
        for name in only or ():
            if name not in names and name in load_defaults():
                where = f'{CLOUDWATCH_PLACE}["DECLARATIONS"]'
                raise UsageError(f"--only {name}: the declaration is off. To turn it on, name it in {where}")
            if name not in names:
                raise UsageError(f"--only {name}: there is no such declaration. {suggest(name, names)}")
        return [each for each in found if not only or each.name in only]

    def _push(self, clients: AwsClients, declarations: list[Declaration], options: dict[str, Any]) -> None:
        from zemanta_ops.stack.cloudwatch.journal import JournalFile
        from zemanta_ops.stack.cloudwatch.run import push

        began = time.monotonic()
        limit: float | None = options["time_limit"]
        with open_database_or_exit(to_write=True, retry=Retry()) as database:
            folder = platformdirs.user_cache_path("zemanta-ops")
            journal = JournalFile(folder, database.name) if options["since"] else None
            if journal is not None and len(journal):
                self.stderr.write(f"{len(journal)} parts were done before; the rest follows", style_func=str)
            if journal is not None and journal.fault:
                text = "an interrupted back-fill cannot be resumed, because its journal cannot be written"
                self.stderr.write(f"{text}: {journal.fault}", style_func=str)
            coverage = push(
                clients,
                database,
                declarations,
                now=datetime.now(timezone.utc),
                deadline=(lambda: began + limit - time.monotonic()) if limit else None,
                since=options["since"],
                until=options["until"],
                progress=self._build_progress() if options["since"] else None,
                journal=journal,
            )
            if journal is not None and coverage.ok:
                journal.remove()
        _emit(coverage, time.monotonic() - began)
        self._report(coverage, options["json"])
        if not coverage.ok:
            sys.exit(EXIT_INCOMPLETE)

    def _build_progress(self) -> Callable[[int, int], None]:
        ending = "\r" if self.stderr.isatty() else "\n"

        def show(done: int, total: int) -> None:
            self.stderr.write(f"{done} of {total} requests{ending}", style_func=str, ending="")

        return show

    def _report(self, coverage: Coverage, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(coverage.build_document(), indent=2))
            return
        self.stdout.write(coverage.describe())
        for line in coverage.notes:
            self.stdout.write(f"note: {line}")
        for line in (*coverage.problems, *map(str, coverage.gaps)):
            self.stderr.write(line)

    def _list(self, clients: AwsClients, declarations: list[Declaration], as_json: bool) -> None:
        from zemanta_ops.stack.cloudwatch.estimate import estimate

        result = estimate(clients, declarations, now=datetime.now(timezone.utc))
        if as_json:
            self.stdout.write(json.dumps(result.build_document(), indent=2))
        else:
            self.stdout.write("\n".join([*result.build_lines(), *(f"note: {line}" for line in result.notes)]))
            for problem in result.problems:
                self.stderr.write(problem)
        if result.problems:
            sys.exit(EXIT_INCOMPLETE)


def _describe_end(number: int, options: dict[str, Any]) -> str:
    ended = f"ended by {signal.Signals(number).name} before everything was done"
    if options["list"]:
        return ended
    rest = "repeat the command to resume" if options["since"] else "the next run fetches the rest"
    return f"{ended}. What was written stays: {rest}"


def _emit(coverage: Coverage, seconds: float) -> None:
    """Emit the figures of the run as metrics, so that an alert can watch them and notice their silence."""
    metrics.incr(catalog.CLOUDWATCH_METRICS.name, coverage.metrics)
    metrics.incr(catalog.CLOUDWATCH_ROWS.name, coverage.rows)
    metrics.gauge(catalog.CLOUDWATCH_FAILED.name, len(coverage.scopes) - len(coverage.covered))
    metrics.timing(catalog.CLOUDWATCH_DURATION.name, seconds)
    metrics.flush()
