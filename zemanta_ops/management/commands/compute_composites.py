"""Compute the declared composites and write them back to the database of metrics."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.management.base import (
    EXIT_SETTINGS,
    OpsCommand,
    UsageError,
    add_range_options,
    check_range,
    format_time,
)
from zemanta_ops.management.composite_worker import CompositeWorker, Report, compute
from zemanta_ops.management.databases import open_database_or_exit
from zemanta_ops.management.leader import acquire_for_node, add_lease_option, report_state, run_alone
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.gauges import loop
from zemanta_ops.metrics.gauges.lease import LeaseError
from zemanta_ops.stack.databases import Retry
from zemanta_ops.stack.databases.base import RetryUntilSilent
from zemanta_ops.stack.declarations.model import Composite
from zemanta_ops.stack.evaluation import Reader
from zemanta_ops.stack.evaluation.writing import CompositeWriter, ComputedComposite
from zemanta_ops.stack.inventory.usable import Usable, read_usable
from zemanta_ops.stack.settings import list_faults
from zemanta_ops.terminal import escape

NAME = "compute_composites"
EXIT_FAILED = 4

EPILOG = """
examples:
  manage.py compute_composites --loop                       compute each composite when it is due; run it on every node
  manage.py compute_composites                              compute the newest windows now, for cron; one node does it
  manage.py compute_composites --dry-run --only shop.error_ratio      print the values, write nothing
  manage.py compute_composites --since 14d                  fill back two weeks; repeat it to resume

Times without a zone are UTC. Every run writes the last three windows again, so that late points are counted.

exit codes:
  0  done, or another process holds the lock
  1  no composite can be computed, or check finds an error
  2  wrong arguments
  3  the settings cannot be used, or the lock cannot be taken; the message says why
  4  at least one composite failed; the others were written
"""


class Command(OpsCommand):
    """Finds the composites, the database and the lock, and passes them on."""

    help = "Computes the declared composites and writes them back to the database of metrics."
    epilog = EPILOG
    requires_system_checks = ("zemanta_ops",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--loop", action="store_true", help="compute until SIGTERM or Ctrl-C")
        parser.add_argument("--only", action="append", metavar="NAME", help="only this composite; may be repeated")
        add_range_options(parser)
        parser.add_argument("--dry-run", action="store_true", help="print the values and write nothing")
        add_lease_option(parser)
        parser.add_argument("--json", action="store_true", help="print JSON, one document per line")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Compute once, in a loop, or for a time in the past."""
        check_range(options["since"], options["until"])
        if options["loop"] and (options["since"] or options["dry_run"]):
            raise UsageError("--loop goes with neither --since nor --dry-run")
        if faults := list_faults():
            raise CommandError("; ".join(faults), returncode=EXIT_SETTINGS)
        usable = read_usable()
        composites = _choose(usable, options["only"])
        try:
            retry = Retry() if options["loop"] or options["since"] else RetryUntilSilent()
            with open_database_or_exit(to_write=True, retry=retry) as database:
                self._run(CompositeWriter(Reader(database, usable.deployment), composites), options)
        except LeaseError as error:
            raise CommandError(str(error), returncode=EXIT_SETTINGS) from error
        finally:
            default_client.flush()

    def _run(self, writer: CompositeWriter, options: dict[str, Any]) -> None:
        if options["dry_run"]:
            writer.may_write = lambda: False
        if options["since"]:
            self._fill_back(writer, options)
        elif options["loop"]:
            run_alone(
                CompositeWorker(writer, self._build_report(options)),
                NAME,
                options["lease"],
                lambda state: report_state(self.stdout, state, "computing", as_json=options["json"]),
            )
        else:
            self._compute_once(writer, options)

    def _compute_once(self, writer: CompositeWriter, options: dict[str, Any]) -> None:
        mine = options["dry_run"] or acquire_for_node(NAME, options["lease"])
        now = time.time()
        results = [compute(writer, each, now) for each in writer.composites] if mine else []
        if options["json"]:
            self._print_json({"computed": mine, "composites": [_build_document(each) for each in results]})
        elif not mine:
            self.stdout.write(loop.WAITING)
        else:
            self._list(results, values=options["dry_run"])
        _exit_if_failed(results)

    def _fill_back(self, writer: CompositeWriter, options: dict[str, Any]) -> None:
        now = time.time()
        since, until = options["since"].timestamp(), (options["until"] or datetime.now(timezone.utc)).timestamp()
        done, written, failed = since, 0, []
        try:
            for done, results in writer.fill_back(since, until, now):
                written += sum(each.written for each in results)
                failed = [each for each in results if each.error]
                if options["dry_run"] or failed:
                    self._list(results, values=options["dry_run"])
                share = (done - since) / (until - since)
                self.stderr.write(f"{share:.0%}, up to {format_time(done)}, {written} points", style_func=str)
        finally:
            if done < until:
                self.stderr.write(f"Continue with: --since {format_time(done)}")
        if options["json"]:
            self._print_json({"since": format_time(since), "until": format_time(done), "written": written})
        _exit_if_failed(failed)

    def _build_report(self, options: dict[str, Any]) -> Report:
        def report(result: ComputedComposite) -> None:
            if options["json"]:
                self._print_json(_build_document(result))
            elif result.error or options["verbosity"] > 1:
                self._list([result], values=False)
            self.stdout.flush()

        return report

    def _list(self, results: Iterable[ComputedComposite], *, values: bool) -> None:
        for result in results:
            name = result.composite.name
            if result.error:
                self.stderr.write(f"{name} failed: {escape(result.error)}")
            for span, found in result.values if values else ():
                for each in found:
                    tags = "".join(f" {tag}={escape(value)}" for tag, value in each.tags.items())
                    number = "no value" if each.value is None else f"{each.value:g}"
                    self.stdout.write(f"{format_time(span.start)} {name}{tags} {number}")
            if not values:
                self.stdout.write(f"{name}: {len(result.values)} windows, {result.written} points written")

    def _print_json(self, document: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(document))


def _choose(usable: Usable, only: list[str] | None) -> list[Composite]:
    found = usable.declarations.composites
    names = [each.name for each in found]
    for name in only or ():
        if name not in names:
            raise UsageError(f"--only {name}: there is no such composite. There are: {', '.join(names) or 'none'}")
    if not found:
        raise CommandError("No composite can be computed. Declare one in metrics.py of an app: class Composite")
    return [each for each in found if not only or each.name in only]


def _build_document(result: ComputedComposite) -> dict[str, Any]:
    windows = [
        {
            "start": format_time(span.start),
            "end": format_time(span.end),
            "values": [{"tags": dict(each.tags), "value": each.value} for each in values],
        }
        for span, values in result.values
    ]
    return {"name": result.composite.name, "error": result.error, "written": result.written, "windows": windows}


def _exit_if_failed(results: Iterable[ComputedComposite]) -> None:
    if any(each.error for each in results):
        sys.exit(EXIT_FAILED)
