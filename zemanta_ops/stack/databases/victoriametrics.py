"""VictoriaMetrics: InfluxDB's line protocol to write, PromQL to read, at two URLs.

A single node has one address for both; in a cluster, ``vminsert`` takes writes and ``vmselect`` answers queries, each
under a path that names the tenant. The name of the database is the label ``db``.
https://docs.victoriametrics.com/victoriametrics/integrations/influxdb/
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from zemanta_ops.stack.databases.base import Retry
from zemanta_ops.stack.databases.errors import DatabaseError
from zemanta_ops.stack.databases.http import Answer, Endpoint, Product, check_answer
from zemanta_ops.stack.databases.promql import BUILD_INFO, PromQLDatabase
from zemanta_ops.stack.databases.urls import show_url, split_url

DEFAULT_PORT = 8428
DEFAULT_DATABASE = "telegraf"

PRODUCT = Product("VictoriaMetrics", "x-server-hostname")
_DROPPED = re.compile(
    r'^(vm_rows_ignored_total|vm_(?:hourly|daily)_series_limit_rows_dropped_total)(?:\{(?:.*?reason="([^"]*)")?.*?\})? '
    r"([0-9.e+]+)$",
    re.MULTILINE,
)
# How vmagent names where it writes to; its metrics have the number, counted from 1, and not the URL.
_TARGET = "-remoteWrite.url"
# What vmagent has not delivered yet, on disk or in memory.
_KEPT = re.compile(r'^vmagent_remotewrite_pending_data_bytes\{.*url="(\d+):[^"]*"\} ([0-9.e+]+)$', re.MULTILINE)
# Requests of vmagent to its targets that failed: without a connection, or with a status that is not 2xx.
_UNDELIVERED = re.compile(
    r'^vmagent_remotewrite_(?:errors|requests)_total\{url="(\d+):[^"]*"(?:, status_code="([^2"]\w*)")?\} ([0-9.e+]+)$',
    re.MULTILINE,
)


class VictoriaMetricsDatabase(PromQLDatabase):
    """One label ``db`` of a VictoriaMetrics, single node or cluster.

    ``write_url`` may be several URLs with commas between them: a write goes to the first that can be reached.
    """

    chosen_by = ("write_url",)
    needs = "WRITE_URL (VictoriaMetrics)"
    product = "VictoriaMetrics"
    refuses_parts = False

    def __init__(self, options: Mapping[str, str], *, timeout: float, retry: Retry) -> None:
        urls = options["write_url"].split(",")
        super().__init__(options, options.get("read_url") or urls[0], DEFAULT_PORT, timeout=timeout, retry=retry)
        self.labels = {"db": options.get("database") or DEFAULT_DATABASE}
        self._writers = [self._create_endpoint(url, DEFAULT_PORT) for url in urls]
        self._write_urls = [show_url(split_url(url)) for url in urls]
        # Whether a proxy removes the header of the product; None if that is not known yet.
        self._is_hidden: bool | None = None

    @staticmethod
    def describe(options: Mapping[str, str]) -> str:
        """Return ``VictoriaMetrics at URL``."""
        url = options.get("read_url") or options["write_url"].split(",")[0]
        return f"VictoriaMetrics at {show_url(split_url(url))}"

    def read_version(self) -> str:
        """Return the version from ``/metrics``; from behind a proxy, what ``/api/v1/status/buildinfo`` reports."""
        reported = super().read_version()
        metrics = _read_metrics(self._read)
        found = re.search(r'^vm_app_version\{.*?short_version="v?([^"]+)"', metrics, re.MULTILINE)
        return found.group(1) if found else reported

    def read_dropped(self) -> Mapping[str, int]:
        """Return how many rows this server accepted and dropped since it started, by reason.

        Read from ``/metrics`` beside the write URL, which is up to a second old; empty if that is not there (a
        cluster, a proxy).
        """
        counts: dict[str, int] = {}
        for name, reason, number in _DROPPED.findall(_read_metrics(self._writers[0])):
            key = reason or name.removeprefix("vm_").removesuffix("_rows_dropped_total")
            counts[key] = counts.get(key, 0) + int(float(number))
        return {reason: count for reason, count in counts.items() if count}

    def count_failed_deliveries(self) -> Mapping[str, int]:
        """Return how many requests of a vmagent failed since it started, by target and reason.

        Read from ``/metrics`` beside the write URLs.
        """
        return {
            f"{_TARGET} {target} ({f'status {status}' if status else 'no connection'}) of {url}": int(float(number))
            for writer, url in zip(self._writers, self._write_urls, strict=True)
            for target, status, number in _UNDELIVERED.findall(_read_metrics(writer))
            if float(number)
        }

    def describe_undelivered(self, before: Mapping[str, int]) -> str:
        """Return the requests of a vmagent that failed since an earlier count, or else what it still keeps.

        It waits up to a minute between two attempts, so none may have failed lately.
        """
        found = []
        for place, number in self.count_failed_deliveries().items():
            # A vmagent that was started again counts from 0.
            failed = number - before.get(place, 0) if number >= before.get(place, 0) else number
            if failed:
                found.append(f"{failed} requests to {place} failed during this check")
            elif kept := self._count_kept_bytes(place):
                found.append(f"{kept:,} bytes wait for {place}, to which requests failed before this check")
        return f"vmagent at {', '.join(self._write_urls)}: {'; '.join(found)}" if found else ""

    def _count_kept_bytes(self, place: str) -> int:
        return sum(
            int(float(number))
            for writer, url in zip(self._writers, self._write_urls, strict=True)
            for target, number in _KEPT.findall(_read_metrics(writer))
            if place.startswith(f"{_TARGET} {target} (") and place.endswith(f" of {url}")
        )

    def _check(self, answer: Answer) -> Answer:
        # vmauth and proxies that authenticate answer without the header of the product.
        if answer.status in (401, 403) and not answer.is_page():
            return check_answer(Answer(answer.status, {**answer.headers, PRODUCT.header: ""}, answer.body), PRODUCT)
        if answer.status in (502, 504) and PRODUCT.header in answer.headers:
            # vmauth is of the same product as what it does not reach.
            raise DatabaseError("gateway", "vmauth does not reach any of its backends", status=answer.status)
        if PRODUCT.header not in answer.headers and answer.could_be_hidden() and self._has_hidden_header():
            answer = Answer(answer.status, {**answer.headers, PRODUCT.header: ""}, answer.body)
        return check_answer(answer, PRODUCT)

    def _has_hidden_header(self) -> bool:
        """Return whether what answers queries has the words of a PromQL server, and not the header of this product."""
        if self._is_hidden is None:
            answer = self._read.request("GET", BUILD_INFO)
            is_success = answer.status == 200 and answer.body.lstrip().startswith(b"{")
            found = answer.read_json(PRODUCT.name) if is_success else {}
            self._is_hidden = PRODUCT.header not in answer.headers and found.get("status") == "success"
        return self._is_hidden

    def _write_lines(self, body: bytes, timeout: float) -> None:
        parameters = {"db": self.labels["db"], "precision": "ns"}
        failure: DatabaseError | None = None
        for writer, url in zip(self._writers, self._write_urls, strict=True):
            try:
                self._check(writer.request("POST", "/write", parameters, body, timeout=timeout))
            except DatabaseError as error:
                if error.kind not in ("unreachable", "blocked"):
                    raise
                # The name of the database has the URL to read from.
                failure = DatabaseError(error.kind, f"{url}: {error}")
            else:
                return
        if failure:
            raise failure


def _read_metrics(endpoint: Endpoint) -> str:
    try:
        answer = endpoint.request("GET", "/metrics")
    except DatabaseError:
        return ""
    return answer.body.decode(errors="replace") if answer.status == 200 else ""


DATABASE = VictoriaMetricsDatabase
