"""What a run proved: comparisons, each with a sentence for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from example_project.demo.traffic import Request
from zemanta_ops.stack.agent.report import Report

COUNT = "http.request.count"
DURATION = "http.request.duration"
REPEATED = "http.request.repeated_queries"


@dataclass(frozen=True)
class Finding:
    """One thing that holds or does not, in words."""

    holds: bool
    text: str


def secrets_found(server: str, wanted: Mapping[str, str], shown: Mapping[str, str]) -> Finding:
    """Compare the fingerprints that a server shows with those of the plaintexts that were encrypted."""
    wrong = [path for path, mark in wanted.items() if shown.get(path) != mark]
    if wrong:
        return Finding(False, f"{server} does not hold the secret that was encrypted for {', '.join(wrong)}")
    return Finding(True, f"{server} decrypted all {len(wanted)} secrets when it started")


def nothing_in_clear(plaintexts: Mapping[str, str], texts: Mapping[str, str]) -> Finding:
    """Look for every plaintext in what the run wrote and printed."""
    leaks = [
        f"{where} shows {path}" for where, text in texts.items() for path, value in plaintexts.items() if value in text
    ]
    if leaks:
        return Finding(False, f"a secret is in clear text: {'; '.join(leaks)}")
    return Finding(True, f"no secret is in clear text in {', '.join(texts)}")


def counted(report: Report, metric: str) -> Counter[Request]:
    """Return how often the agent counted each request under a metric."""
    counts: Counter[Request] = Counter()
    for series in report.select(metric):
        tags = series.tags
        counts[Request(tags.get("method", ""), tags.get("view", ""), tags.get("status", ""))] += series.count
    return counts


def compare(sent: Counter[Request], seen: Counter[Request], verb: str) -> Finding:
    """Compare two counts of the same requests; ``verb`` is what was done with the second."""
    wrong = [
        f"{each.method} {each.view} {each.status}: {sent[each]} sent, {seen[each]} {verb}"
        for each in sorted({*sent, *seen})
        if sent[each] != seen[each]
    ]
    if wrong:
        return Finding(False, f"not every request was {verb}: {'; '.join(wrong)}")
    return Finding(
        True, f"{sent.total()} requests sent = {seen.total()} {verb}, equal for every view, method and status"
    )


def requests_found(sent: Counter[Request], report: Report) -> list[Finding]:
    """Compare what was sent with what was counted and timed, by view, method and status."""
    return [compare(sent, counted(report, COUNT), "counted"), compare(sent, counted(report, DURATION), "timed")]


def total_found(what: str, wanted: int, seen: int) -> Finding:
    """Compare one number with another."""
    return Finding(wanted == seen, f"{what}: {seen}" if wanted == seen else f"{what}: {seen} instead of {wanted}")


def repeats_found(view: str, report: Report) -> Finding:
    """Look for the page with N+1 queries: one SQL statement, sent again and again in one request."""
    most: dict[str, float] = {}
    for series in report.select(REPEATED):
        name = series.tags.get("view", "")
        most[name] = max(most.get(name, 0.0), series.fields.get("upper", 0.0))
    found = most.pop(view, 0.0)
    others = max(most.values(), default=0.0)
    text = (
        f"an N+1: a request to {view} sent one SQL statement {found:.0f} times, to any other page at most {others:.0f}"
    )
    return Finding(found > others, text)


def by_view(sent: Counter[Request], report: Report) -> list[str]:
    """Return a table: each view with how many requests were sent to it, counted and timed."""
    columns = [_views(each) for each in (sent, counted(report, COUNT), counted(report, DURATION))]
    views = sorted({view for column in columns for view in column}, key=lambda view: -columns[0][view])
    return [
        f"{'view':<16}{'sent':>8}{'counted':>10}{'timed':>8}",
        *(f"{view:<16}{columns[0][view]:>8}{columns[1][view]:>10}{columns[2][view]:>8}" for view in views),
    ]


def _views(counts: Counter[Request]) -> Counter[str]:
    views: Counter[str] = Counter()
    for request, number in counts.items():
        views[request.view] += number
    return views
