"""Whether ``push_cloudwatch`` keeps up: the marks that its runs leave in the database."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from zemanta_ops.conf import conf
from zemanta_ops.setting import has_section
from zemanta_ops.stack.check.hops import CLOUDWATCH, Hop, fail_hop, skip_hop
from zemanta_ops.stack.cloudwatch.declarations import Declaration, DeclarationError
from zemanta_ops.stack.cloudwatch.defaults import build_declarations
from zemanta_ops.stack.cloudwatch.marks import COVERED, FAILED, MEASUREMENT
from zemanta_ops.stack.cloudwatch.windows import SETTLE
from zemanta_ops.stack.databases import Database, DatabaseError, StoredValue
from zemanta_ops.stack.settings import CLOUDWATCH_PLACE, read_cloudwatch_options

# The region of a declaration is not needed to find its marks.
_ANY_REGION = "eu-west-1"
# A push is stale if more runs than this are missing.
_RUNS = 3


def check_cloudwatch(database: Database) -> list[Hop]:
    """Return a hop, or nothing if no metrics of CloudWatch are declared."""
    if not has_section(conf.cloudwatch.key):
        return []
    options = read_cloudwatch_options()
    try:
        declared = build_declarations(options, place=CLOUDWATCH_PLACE, region=_ANY_REGION, spell=str.upper)
        named = {each.name: each for each in declared}
        return [_judge(named, database, datetime.now(timezone.utc))] if named else []
    except DeclarationError as error:
        return [fail_hop(CLOUDWATCH, "setting", "; ".join(error.faults))]
    except DatabaseError as error:
        return [skip_hop(CLOUDWATCH, f"the database could not be queried: {error}")]


def _judge(declared: dict[str, Declaration], database: Database, now: datetime) -> Hop:
    span = timedelta(seconds=_RUNS * max(each.every for each in declared.values()) + 86_400)
    until = now + timedelta(minutes=5)
    marks = _find_last(database.read_values(MEASUREMENT, COVERED, now - span, until), declared)
    if not marks:
        hours = span.total_seconds() // 3600
        return fail_hop(CLOUDWATCH, "push_missing", f"no run of push_cloudwatch has written in {hours:.0f} hours")
    stale = {name: mark for name, mark in marks.items() if (now - mark.time).total_seconds() > _limit(declared[name])}
    if stale:
        ages = ", ".join(f"{name} {(now - mark.time).total_seconds():.0f} s ago" for name, mark in stale.items())
        return fail_hop(CLOUDWATCH, "push_stale", f"push_cloudwatch last ran for {ages}")
    failed = _find_failed(database.read_values(MEASUREMENT, FAILED, now - span, until))
    behind = [name for name, mark in marks.items() if name in failed or _lags(mark, declared[name])]
    if behind:
        text = f"the last runs of push_cloudwatch did not complete {', '.join(behind)}"
        return fail_hop(CLOUDWATCH, "push_incomplete", text)
    newest = max(mark.time for mark in marks.values())
    text = f"push_cloudwatch ran {(now - newest).total_seconds():.0f} s ago, and {len(marks)} declarations are complete"
    return Hop(CLOUDWATCH, "ok", text)


def _find_last(found: list[StoredValue], declared: dict[str, Declaration]) -> dict[str, StoredValue]:
    """Return the last mark of each declaration; of several regions and accounts, that which is most behind."""
    last: dict[tuple[str, str, str], StoredValue] = {}
    for each in found:
        name = each.tags.get("declaration", "")
        if name in declared:
            last[name, each.tags.get("region", ""), each.tags.get("account", "")] = each
    behind: dict[str, StoredValue] = {}
    for (name, _, _), mark in last.items():
        if name not in behind or float(mark.value) < float(behind[name].value):
            behind[name] = mark
    return behind


def _find_failed(found: list[StoredValue]) -> set[str]:
    """Return the declarations whose last run, in any region and account, lacked series or had rows refused."""
    last: dict[tuple[str, ...], float] = {}
    for each in found:
        last[tuple(each.tags.get(key, "") for key in ("declaration", "region", "account"))] = float(each.value)
    return {name for (name, *_), count in last.items() if count}


def _limit(declaration: Declaration) -> float:
    return _RUNS * max(declaration.every, 300)


def _lags(mark: StoredValue, declaration: Declaration) -> bool:
    """Return whether what is complete ends earlier than at the time of the run."""
    return mark.time.timestamp() - float(mark.value) > declaration.period + SETTLE + 60
