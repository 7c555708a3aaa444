"""GetMetricData: every page of an answer merged, and what failed for a moment asked for again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zemanta_ops.stack.cloudwatch.coverage import to_datetime
from zemanta_ops.stack.cloudwatch.failures import AwsError, describe_failure, is_invalid
from zemanta_ops.stack.cloudwatch.queries import DataRequest, ListedMetric, build_queries, count_billed

# How often a statistic is asked for again that AWS did not answer completely.
REPEATS = 2

Statistic = tuple[ListedMetric, str]


@dataclass
class Fetched:
    """The answer to one request.

    Attributes:
        values: The values by metric and statistic; what failed is not in it.
        problems: A sentence for each thing that went wrong.
        incomplete: The metrics that lack values, which another run may get.
        requests: How many requests were sent.
        metrics: How many metrics AWS counts for them.

    """

    values: dict[Statistic, dict[int, float]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    incomplete: list[ListedMetric] = field(default_factory=list)
    requests: int = 0
    metrics: int = 0

    def merge(self, other: Fetched) -> None:
        """Add what another answer has."""
        self.values.update(other.values)
        self.problems += other.problems
        self.incomplete += other.incomplete
        self.requests += other.requests
        self.metrics += other.metrics


def fetch_data(client: Any, request: DataRequest) -> Fetched:
    """Return all values of a request; failures are in the result and not raised."""
    fetched = Fetched()
    pending = [(metric, statistic) for metric in request.metrics for statistic in metric.metric.statistics]
    for _ in range(1 + REPEATS):
        try:
            pending = _fetch_once(client, request, pending, fetched)
        except AwsError as error:
            if is_invalid(error) and len(request.metrics) > 1:
                return _fetch_halves(client, request, fetched)
            fetched.problems.append(f"{_name_place(request)}: {describe_failure('cloudwatch:GetMetricData', error)}")
            break
        if not pending:
            return fetched
    else:
        text = f"cloudwatch:GetMetricData did not complete {len(pending)} statistics"
        fetched.problems.append(f"{_name_place(request)}: {text}")
    _drop(fetched, pending)
    return fetched


def _name_place(request: DataRequest) -> str:
    """Return what a failure concerns: the metric if it is alone, otherwise the region and the account."""
    scope = request.metrics[0].scope
    if len(request.metrics) == 1:
        return f"{scope}: {request.metrics[0].metric.name}"
    return f"{scope.region}, account {scope.account}" if scope.account else scope.region


def _fetch_halves(client: Any, request: DataRequest, fetched: Fetched) -> Fetched:
    """Fetch the halves of a request that AWS refuses, until the metric that it refuses is alone."""
    middle = len(request.metrics) // 2
    for part in (request.metrics[:middle], request.metrics[middle:]):
        fetched.merge(fetch_data(client, DataRequest(request.region, request.role, request.window, part)))
    return fetched


def _drop(fetched: Fetched, pending: Sequence[Statistic]) -> None:
    """Note what is incomplete; half a metric is written all the same, since the next run repeats it whole."""
    fetched.incomplete += list(dict.fromkeys(metric for metric, _ in pending))


def _fetch_once(client: Any, request: DataRequest, asked: Sequence[Statistic], fetched: Fetched) -> list[Statistic]:
    """Add the values of all pages; return what must be asked for again."""
    numbered = [(number, metric, statistic) for number, (metric, statistic) in enumerate(asked)]
    call = {
        "MetricDataQueries": build_queries(numbered, request.window.period),
        "StartTime": to_datetime(request.window.start),
        "EndTime": to_datetime(request.window.end),
        "ScanBy": "TimestampAscending",
    }
    states: dict[int, str] = {}
    fetched.metrics += _count_billed(asked)
    while True:
        fetched.requests += 1
        answer = client.get_metric_data(**call)
        fetched.problems += [_describe_message(each) for each in answer.get("Messages", ())]
        for result in answer["MetricDataResults"]:
            number = int(result["Id"][1:])
            states[number] = result.get("StatusCode", "Complete")
            _read_result(result, asked[number], fetched)
        # A token that repeats would never end.
        if answer.get("NextToken") in (None, "", call.get("NextToken")):
            break
        call["NextToken"] = answer["NextToken"]
    _report_forbidden(asked, states, fetched)
    done = ("Complete", "Forbidden")
    return [each for number, each in enumerate(asked) if states.get(number) not in done]


def _read_result(result: Mapping[str, Any], asked: Statistic, fetched: Fetched) -> None:
    into = fetched.values.setdefault(asked, {})
    into.update(
        (int(time if isinstance(time, (int, float)) else time.timestamp()), float(value))
        for time, value in zip(result["Timestamps"], result["Values"], strict=True)
    )
    if result.get("StatusCode") == "Forbidden":
        return
    metric = asked[0]
    place = f"{metric.scope}: {metric.metric.name} of {' '.join(value for _, value in metric.dimensions)}"
    fetched.problems += [f"{place}: {_describe_message(each)}" for each in result.get("Messages", ())]


def _report_forbidden(asked: Sequence[Statistic], states: Mapping[int, str], fetched: Fetched) -> None:
    refused = [asked[number][0] for number, state in states.items() if state == "Forbidden"]
    for scope in dict.fromkeys(metric.scope for metric in refused):
        fetched.problems.append(f"{scope}: cloudwatch:GetMetricData is not allowed. Grant it to this identity")
    fetched.incomplete += list(dict.fromkeys(refused))


def _count_billed(asked: Sequence[Statistic]) -> int:
    counts: dict[int, int] = {}
    for metric, _ in asked:
        counts[id(metric)] = counts.get(id(metric), 0) + 1
    return sum(map(count_billed, counts.values()))


def _describe_message(message: Mapping[str, str]) -> str:
    return f"{message.get('Code', '')}: {message.get('Value', '')}"
