"""List the declared objectives: what is left of each error budget, and when it runs out."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.management.base import EXIT_SETTINGS, OpsCommand, format_time
from zemanta_ops.management.databases import open_database_or_exit
from zemanta_ops.stack.databases import DatabaseError
from zemanta_ops.stack.declarations.durations import DAY, format_duration
from zemanta_ops.stack.declarations.model import Objective
from zemanta_ops.stack.evaluation import BurnRate, Reader, compute_burn_rates
from zemanta_ops.stack.evaluation.objectives import Budget, compute_budget
from zemanta_ops.stack.inventory.usable import read_usable
from zemanta_ops.stack.settings import list_faults
from zemanta_ops.terminal import escape, render_table

EXIT_FAILED = 4
COLUMNS = ("objective", "target", "period", "events", "bad", "left", "burn today", "runs out", "calls for")

EPILOG = """
examples:
  manage.py list_objectives           what is left of each error budget, and when it runs out at today's rate
  manage.py list_objectives --json    the same with every burn rate, for scripts

A burn rate of 1 spends the budget in exactly the period of the objective.

exit codes:
  0  done
  1  no objective is declared, or check finds an error
  2  wrong arguments
  3  the settings cannot be used; the message says which
  4  the database did not answer for at least one objective
"""


@dataclass(frozen=True)
class ListedObjective:
    """An objective with its numbers, or with the reason why there are none."""

    objective: Objective
    budget: Budget | None = None
    burn_rates: tuple[BurnRate, ...] = ()
    error: str = ""

    @property
    def severity(self) -> str:
        """What its burn rates call for: ``page``, ``ticket`` or nothing."""
        return next((each.severity for each in self.burn_rates if each.is_burning), "")


class Command(OpsCommand):
    """Reads the objectives and the database, and prints what is left."""

    help = "Lists the declared objectives: what is left of each error budget, and when it runs out."
    epilog = EPILOG
    requires_system_checks = ("zemanta_ops",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """List every objective."""
        if faults := list_faults():
            raise CommandError("; ".join(faults), returncode=EXIT_SETTINGS)
        usable = read_usable()
        if not usable.declarations.objectives:
            raise CommandError("No objective is declared. Declare one in metrics.py of an app: class Objective")
        now = time.time()
        with open_database_or_exit() as database:
            reader = Reader(database, usable.deployment)
            listed = [_compute(reader, each, now) for each in usable.declarations.objectives]
        if options["json"]:
            self.stdout.write(json.dumps([_build_document(each, now) for each in listed], indent=2))
        else:
            self._list(listed, now)
        if any(each.error for each in listed):
            sys.exit(EXIT_FAILED)

    def _list(self, listed: list[ListedObjective], now: float) -> None:
        rows = [_build_row(each, each.budget, now) for each in listed if each.budget is not None]
        if rows:
            self.stdout.write(render_table(COLUMNS, rows), ending="")
        for each in listed:
            if each.error:
                self.stderr.write(f"{each.objective.name} failed: {escape(each.error)}")


def _compute(reader: Reader, objective: Objective, now: float) -> ListedObjective:
    try:
        return ListedObjective(
            objective, compute_budget(reader, objective, now), tuple(compute_burn_rates(reader, objective, now))
        )
    except DatabaseError as error:
        return ListedObjective(objective, error=f"{error.kind}: {error}")


def _build_row(listed: ListedObjective, budget: Budget, now: float) -> tuple[str, ...]:
    objective = listed.objective
    return (
        objective.name,
        f"{objective.target * 100:g}%",
        format_duration(objective.period_seconds),
        f"{budget.period.total:.0f}",
        f"{budget.period.bad:.0f}",
        "" if budget.left is None else f"{budget.left:.1%}",
        "" if budget.today_burn is None else f"{budget.today_burn:.2f}x",
        _describe_end(budget, now),
        listed.severity,
    )


def _describe_end(budget: Budget, now: float) -> str:
    if budget.seconds_left is None:
        return "" if budget.left is None else "never"
    if budget.seconds_left == 0:
        return "spent"
    moment = datetime.fromtimestamp(now + budget.seconds_left, timezone.utc)
    return f"{moment:%Y-%m-%d} (in {budget.seconds_left / DAY:.1f} days)"


def _build_document(listed: ListedObjective, now: float) -> dict[str, Any]:
    objective, budget = listed.objective, listed.budget
    document: dict[str, Any] = {"name": objective.name, "target": objective.target, "error": listed.error}
    if budget is None:
        return document
    seconds = budget.seconds_left
    return {
        **document,
        "period": objective.period_seconds,
        "events": budget.period.total,
        "bad": budget.period.bad,
        "left": budget.left,
        "today_burn": budget.today_burn,
        "runs_out": None if seconds is None else format_time(now + seconds),
        "severity": listed.severity,
        "burn_rates": [_build_burn(each) for each in listed.burn_rates],
    }


def _build_burn(rate: BurnRate) -> dict[str, Any]:
    return {
        "severity": rate.severity,
        "factor": rate.factor,
        "is_burning": rate.is_burning,
        "long": {"seconds": rate.long.span.seconds, "events": rate.long.total, "burn": rate.long_burn},
        "short": {"seconds": rate.short.span.seconds, "events": rate.short.total, "burn": rate.short_burn},
    }
