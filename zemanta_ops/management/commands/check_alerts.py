"""Judge the declared alerts and objectives, and notify the receivers."""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.management.alert_worker import AlertWorker
from zemanta_ops.management.base import EXIT_SETTINGS, OpsCommand, UsageError
from zemanta_ops.management.databases import open_database_or_exit
from zemanta_ops.management.leader import acquire_for_node, add_lease_option, report_state, run_alone
from zemanta_ops.metrics.gauges import loop
from zemanta_ops.metrics.gauges.lease import LeaseError
from zemanta_ops.stack.alerting.checker import Checker, Report
from zemanta_ops.stack.alerting.declared import DeclaredAlerts, read_declared
from zemanta_ops.stack.alerting.delivery import Sender
from zemanta_ops.stack.alerting.printing import ReportPrinter
from zemanta_ops.stack.alerting.receivers import ReceiverSet, read_receivers
from zemanta_ops.stack.alerting.store import describe_database_error
from zemanta_ops.stack.databases import Database, Retry
from zemanta_ops.stack.databases.base import RetryUntilSilent
from zemanta_ops.stack.evaluation import Reader
from zemanta_ops.stack.settings import list_faults
from zemanta_ops.tables import TABLE_ERRORS

NAME = "check_alerts"
EXIT_UNJUDGED = 4
EXIT_UNDELIVERED = 5

EPILOG = """
examples:
  manage.py check_alerts --dry-run     judge now and print what would be sent; nothing is stored or sent
  manage.py check_alerts               judge once, for cron: run it every minute on every node, one judges
  manage.py check_alerts --loop        judge each alert when it is due; run it on every node, one judges

exit codes:
  0  every alert was judged and every event accepted, or another process holds the lock
  2  wrong arguments
  3  the settings cannot be used, or the state or the lock cannot be stored; the message says which
  4  at least one alert could not be judged; the others were
  5  an event waits or was refused, or a receiver or a declaration cannot be used; the message says which
"""


class Command(OpsCommand):
    """Reads declarations and settings, and passes them to the checker."""

    help = "Judges the declared alerts and objectives, and notifies the receivers."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--loop", action="store_true", help="judge until SIGTERM or Ctrl-C")
        mode.add_argument("--dry-run", action="store_true", help="store nothing and send nothing")
        add_lease_option(parser)
        parser.add_argument("--json", action="store_true", help="print JSON, one document per line")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Judge once, or in a loop."""
        if options["dry_run"] and options["lease"]:
            raise UsageError("--dry-run takes no lock, so --lease has no use")
        if faults := list_faults():
            raise CommandError("; ".join(faults), returncode=EXIT_SETTINGS)
        declared, receivers = read_declared(), read_receivers()
        printer = ReportPrinter(self._print, self.stderr.write, as_json=options["json"])
        try:
            retry = Retry(attempts=2) if options["loop"] else RetryUntilSilent()
            with open_database_or_exit(retry=retry) as database:
                checker = _build_checker(declared, receivers, database, is_dry=options["dry_run"])
                printer.report_setup(declared, receivers)
                if options["loop"]:
                    worker = AlertWorker(checker, printer.report_changes, printer.report_failure)
                    run_alone(worker, NAME, options["lease"], lambda state: self._report(state, options))
                    return
                self._check_once(checker, printer, options)
        except LeaseError as error:
            raise CommandError(str(error), returncode=EXIT_SETTINGS) from None
        except TABLE_ERRORS as error:
            raise CommandError(describe_database_error(error), returncode=EXIT_SETTINGS) from None

    def _check_once(self, checker: Checker, printer: ReportPrinter, options: dict[str, Any]) -> None:
        if not options["dry_run"] and not acquire_for_node(NAME, options["lease"]):
            self._report(loop.WAITING, options)
            return
        report = checker.check(time.time())
        printer.report_all(report, is_dry=options["dry_run"])
        if code := _find_exit_code(report, is_setup_faulty=printer.is_setup_faulty):
            sys.exit(code)

    def _report(self, state: str, options: dict[str, Any]) -> None:
        report_state(self.stdout, state, "judging", as_json=options["json"])

    def _print(self, line: str) -> None:
        self.stdout.write(line)
        # A loop's output is read while it runs, also through a pipe.
        self.stdout.flush()


def _build_checker(declared: DeclaredAlerts, receivers: ReceiverSet, database: Database, *, is_dry: bool) -> Checker:
    reasons = {fault.receiver: f"{fault.text} {fault.hint}" for fault in receivers.faults}
    sender = None if is_dry else Sender(receivers.usable, reasons)
    reader = Reader(database, declared.deployment)
    return Checker(declared.judges, reader, receivers.least_levels, sender, declared.names)


def _find_exit_code(report: Report, *, is_setup_faulty: bool) -> int:
    if report.problems:
        return EXIT_UNJUDGED
    is_stuck = any(each.outcome in ("waiting", "refused") for each in report.deliveries)
    return EXIT_UNDELIVERED if is_stuck or is_setup_faulty or any(each.problem for each in report.events) else 0
