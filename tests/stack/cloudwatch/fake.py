"""CloudWatch in this process, with AWS's semantics: moto's sums are right on aligned windows only, and it has neither
percentiles nor pages nor retention. Every request is checked by botocore's own validator of parameters.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from zemanta_ops.stack.cloudwatch.windows import DAY, HOUR

PAGE_OF_METRICS = 500
MOST_POINTS = 100_800
# AWS lists a metric for two weeks after its last point.
LISTED_FOR = 14 * DAY
KEPT = ((60, 3 * HOUR), (300, 15 * DAY), (3600, 63 * DAY), (10**9, 455 * DAY))

Dimensions = tuple[tuple[str, str], ...]
Key = tuple[str, str, str, Dimensions]


@dataclass(frozen=True)
class Datum:
    """One value that an application published for a moment; it is visible from ``visible`` on."""

    time: int
    value: float
    visible: int
    unit: str = "None"


@dataclass
class FakeCloudWatch:
    """One region of one account and the accounts linked to it.

    Attributes:
        now: The current time, in seconds.
        skew: By how much the dates of its answers differ from that.
        forbidden: Namespaces that GetMetricData refuses.
        page_points: The most points of a page of GetMetricData.
        failures: Errors to raise, by method, one per call; None for a call that succeeds.
        unfinished: Returns the status of a result, given the number of the request and the name of the metric.
        requests: All requests in order: method and parameters.
        billed: How many metrics AWS would count.

    """

    now: int
    skew: int = 0
    forbidden: set[str] = field(default_factory=set)
    page_points: int = MOST_POINTS
    failures: dict[str, list[Exception | None]] = field(default_factory=dict)
    unfinished: Callable[[int, str], str] = lambda _number, _name: "Complete"
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    billed: int = 0
    data: dict[Key, list[Datum]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        values: Mapping[int, float],
        *,
        late: int = 0,
        unit: str = "None",
        account: str = "",
    ) -> None:
        """Publish values by their time, which become visible ``late`` seconds after it."""
        series = self.data.setdefault((account, namespace, name, tuple(sorted(dimensions.items()))), [])
        series += [Datum(time, value, time + late, unit) for time, value in values.items()]

    def count(self, method: str) -> int:
        """Return how often a method was called."""
        return sum(1 for each, _ in self.requests if each == method)

    def list_metrics(self, **request: Any) -> dict[str, Any]:
        """Answer ListMetrics."""
        with self.lock:
            self._begin("ListMetrics", "list_metrics", request)
            span = 3 * HOUR if "RecentlyActive" in request else LISTED_FOR
            found = [key for key, series in self.data.items() if self._is_listed(key, series, request, span)]
        start = int(request.get("NextToken", "0"))
        page = found[start : start + PAGE_OF_METRICS]
        answer: dict[str, Any] = {
            "Metrics": [
                {"Namespace": namespace, "MetricName": name, "Dimensions": [{"Name": n, "Value": v} for n, v in pairs]}
                for _, namespace, name, pairs in page
            ],
            **self._head(),
        }
        if request.get("IncludeLinkedAccounts"):
            answer["OwningAccounts"] = [account or "111111111111" for account, *_ in page]
        if start + PAGE_OF_METRICS < len(found):
            answer["NextToken"] = str(start + PAGE_OF_METRICS)
        return answer

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        """Answer GetMetricData."""
        with self.lock:
            number = self._begin("GetMetricData", "get_metric_data", request)
            queries = request["MetricDataQueries"]
            start, end = _seconds(request["StartTime"]), _seconds(request["EndTime"])
            if len(queries) > 500 or start >= end:
                raise error("ValidationError", "more than 500 queries, or a start after the end", "GetMetricData")
            position = int(request.get("NextToken", "0"))
            if not position:
                self.billed += _count_billed(queries)
            answers = [self._answer(query, start, end, number) for query in queries]
        return {**_cut_page(answers, position, self.page_points, request.get("ScanBy", "")), **self._head()}

    def _begin(self, operation: str, method: str, request: dict[str, Any]) -> int:
        report = ParamValidator().validate(request, _model().operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()
        self.requests.append((method, request))
        waiting = self.failures.get(method)
        if waiting and (failure := waiting.pop(0)) is not None:
            raise failure
        return self.count(method)

    def _head(self) -> dict[str, Any]:
        date = datetime.fromtimestamp(self.now + self.skew, timezone.utc)
        return {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(date, usegmt=True)}}}

    def _is_listed(self, key: Key, series: list[Datum], request: Mapping[str, Any], span: int) -> bool:
        account, namespace, name, _ = key
        if account and not request.get("IncludeLinkedAccounts"):
            return False
        if namespace != request.get("Namespace", namespace) or name != request.get("MetricName", name):
            return False
        return any(datum.visible <= self.now and datum.time > self.now - span for datum in series)

    def _answer(self, query: Mapping[str, Any], start: int, end: int, number: int) -> dict[str, Any]:
        stat = query["MetricStat"]
        metric, period = stat["Metric"], stat["Period"]
        result: dict[str, Any] = {
            "Id": query["Id"],
            "Label": query.get("Label", metric["MetricName"]),
            "StatusCode": "Complete",
        }
        if metric["Namespace"] in self.forbidden:
            words = {"Code": "Forbidden", "Value": "not authorized"}
            return {**result, "StatusCode": "Forbidden", "Messages": [words], "points": []}
        dimensions = tuple(sorted((each["Name"], each["Value"]) for each in metric["Dimensions"]))
        key = (query.get("AccountId", ""), metric["Namespace"], metric["MetricName"], dimensions)
        series = self.data.get(key if key in self.data else ("", *key[1:]), [])
        visible = [datum for datum in series if datum.visible <= self.now]
        units = list(dict.fromkeys(datum.unit for datum in visible))
        if len(units) > 1:
            result["Messages"] = [{"Code": "MultipleUnits", "Value": f"Multiple units returned: {units}"}]
            visible = [datum for datum in visible if datum.unit == units[0]]
        state = self.unfinished(number, metric["MetricName"])
        result["StatusCode"] = state
        result["points"] = self._aggregate(visible, start, end, period, stat["Stat"])
        return result if state == "Complete" else {**result, "points": []}

    def _aggregate(
        self, series: Iterable[Datum], start: int, end: int, period: int, statistic: str
    ) -> list[tuple[int, float]]:
        # AWS counts periods from the start of the request, so sums are wrong if that is not a multiple of the period.
        first = start - start % min(period, 60)
        buckets: dict[int, list[float]] = {}
        for datum in series:
            bucket = first + (datum.time - first) // period * period
            if first <= bucket < end and not self._is_forgotten(bucket, period):
                buckets.setdefault(bucket, []).append(datum.value)
        return [(time, compute(statistic, values)) for time, values in sorted(buckets.items())]

    def _is_forgotten(self, time: int, period: int) -> bool:
        return self.now - time > next(age for below, age in KEPT if period < below)


@dataclass
class FakeTagging:
    """The Resource Groups Tagging API of one region: tags by ARN, two resources a page."""

    resources: dict[str, dict[str, str]] = field(default_factory=dict)
    failure: Exception | None = None
    calls: int = 0

    def get_resources(self, **request: Any) -> dict[str, Any]:
        """Answer GetResources."""
        shape = _model("resourcegroupstaggingapi").operation_model("GetResources").input_shape
        report = ParamValidator().validate(request, shape)
        assert not report.has_errors(), report.generate_report()
        self.calls += 1
        if self.failure:
            raise self.failure
        service, _, _ = request["ResourceTypeFilters"][0].partition(":")
        found = [(arn, tags) for arn, tags in self.resources.items() if arn.split(":")[2] == service]
        start = int(request.get("PaginationToken") or 0)
        page = [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for arn, tags in found[start : start + 2]
        ]
        return {"ResourceTagMappingList": page, "PaginationToken": str(start + 2) if start + 2 < len(found) else ""}


@dataclass
class FakeClients:
    """Clients by region; ``failures`` are raised by every call with a role or in a region."""

    regions: dict[str, FakeCloudWatch]
    tagging: FakeTagging = field(default_factory=FakeTagging)
    failures: dict[str, Exception] = field(default_factory=dict)
    failed_calls: list[str] = field(default_factory=list)
    default_region: str = "eu-west-1"

    def get_client(self, service: str, region: str, role: str) -> Any:
        """Return the fake of a service."""
        failure = self.failures.get(role) or self.failures.get(region)
        if failure:
            return Failing(failure, self.failed_calls)
        return self.tagging if service == "resourcegroupstaggingapi" else self.regions[region]


@dataclass
class Failing:
    """A client of which every call fails."""

    failure: Exception
    calls: list[str]

    def list_metrics(self, **_: Any) -> Any:
        """Fail."""
        self.calls.append("list_metrics")
        raise self.failure

    get_metric_data = get_resources = list_metrics


def error(code: str, message: str, operation: str) -> ClientError:
    """Return an error as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def compute(statistic: str, values: list[float]) -> float:
    """Return a statistic of the values of a period."""
    simple: dict[str, Callable[[list[float]], float]] = {
        "Average": lambda given: sum(given) / len(given),
        "Maximum": max,
        "Minimum": min,
        "SampleCount": len,
        "Sum": sum,
    }
    if statistic in simple:
        return float(simple[statistic](values))
    if not statistic.startswith("p"):
        raise error("ValidationError", f"The value {statistic} for parameter Stat is invalid", "GetMetricData")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * float(statistic[1:]) / 100))]


def _cut_page(answers: list[dict[str, Any]], position: int, size: int, order: str) -> dict[str, Any]:
    """Return one page: the points of all results one after the other, so that an Id can recur on the next."""
    results, seen = [], 0
    for answer in answers:
        points = answer.pop("points")
        if order != "TimestampAscending":
            points.reverse()
        part = points[max(position - seen, 0) : max(position + size - seen, 0)]
        is_last = seen + len(points) <= position + size
        begins_here = position <= seen < position + size or (not points and seen >= position)
        if part or (begins_here and is_last):
            state = answer["StatusCode"] if is_last else "PartialData"
            stamps = [datetime.fromtimestamp(time, timezone.utc) for time, _ in part]
            results.append({**answer, "StatusCode": state, "Timestamps": stamps, "Values": [each for _, each in part]})
        seen += len(points)
    page: dict[str, Any] = {"MetricDataResults": results, "Messages": []}
    return {**page, "NextToken": str(position + size)} if position + size < seen else page


def _count_billed(queries: Iterable[Mapping[str, Any]]) -> int:
    counts: dict[str, int] = {}
    for query in queries:
        key = repr((query["MetricStat"]["Metric"], query.get("AccountId")))
        counts[key] = counts.get(key, 0) + 1
    return sum(-(-count // 5) for count in counts.values())


def _seconds(moment: datetime) -> int:
    assert moment.tzinfo is not None
    return int(moment.timestamp())


@cache
def _model(service: str = "cloudwatch") -> Any:
    return botocore.session.get_session().get_service_model(service)
