"""VictoriaMetrics: InfluxDB's line protocol to write, PromQL to read, at two URLs.

A single node has one address for both; in a cluster, ``vminsert`` takes writes and ``vmselect`` answers queries, each
under a path that names the tenant. The name of the database is the label ``db``.
https://docs.victoriametrics.com/victoriametrics/integrations/influxdb/
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from zemanta_ops.stack.databases.base import Database, Reading, Retry
from zemanta_ops.stack.databases.errors import DatabaseError, from_answer
from zemanta_ops.stack.databases.http import Answer, Endpoint
from zemanta_ops.stack.databases.urls import show_url, split_url

DEFAULT_PORT = 8428
DEFAULT_DATABASE = "telegraf"

# Every answer of a program of VictoriaMetrics carries this header.
_HEADER = "x-server-hostname"
# Beyond 2^53 / 10^15 a series that mixes magnitudes is not exact; whole numbers are compared to the nearest.
_TOLERANCE = 0.5
_DROPPED = re.compile(
    r'^(vm_rows_ignored_total|vm_(?:hourly|daily)_series_limit_rows_dropped_total)(?:\{(?:.*?reason="([^"]*)")?.*?\})? '
    r"([0-9.e+]+)$",
    re.MULTILINE,
)


class VictoriaMetricsDatabase(Database):
    """One label ``db`` of a VictoriaMetrics, single node or cluster."""

    def __init__(
        self,
        write_url: str,
        read_url: str = "",
        *,
        database: str = DEFAULT_DATABASE,
        username: str = "",
        password: str = "",
        timeout: float = 10.0,
        retry: Retry | None = None,
    ) -> None:
        """Keep the addresses; nothing is sent yet.

        Args:
            write_url: ``http://vm:8428``, or ``http://vminsert:8480/insert/<tenant>/influx``.
            read_url: ``http://vm:8428``, or ``http://vmselect:8481/select/<tenant>/prometheus``; by default
                ``write_url``.
            database: The value of the label ``db``.
            username: For HTTP basic authentication, at both URLs.
            password: Of that user.
            timeout: Seconds that one request may take.
            retry: How transient failures are tried again.
        """
        write, read = split_url(write_url), split_url(read_url or write_url)
        super().__init__(f"VictoriaMetrics at {show_url(read)}", retry or Retry())
        self._database = database
        self._write = Endpoint(write, username=username, password=password, timeout=timeout, port=_port(write.scheme))
        self._read = Endpoint(read, username=username, password=password, timeout=timeout, port=_port(read.scheme))

    def version(self) -> str:
        """Return the version from ``/metrics``; from behind a proxy, what ``/api/v1/status/buildinfo`` reports."""
        build = self._get("/api/v1/status/buildinfo").get("data")
        if not isinstance(build, dict) or "version" not in build:
            raise DatabaseError("foreign", "the answer has no version: this is not the address that PromQL is sent to")
        found = re.search(r'^vm_app_version\{.*?short_version="v?([^"]+)"', self._metrics(), re.MULTILINE)
        return found.group(1) if found else str(build["version"])

    def verify(self) -> None:
        """Run a query that needs the right to read; the database is a label, which exists once it was written."""
        if self.query("vector(1)") == []:
            raise DatabaseError("foreign", "the answer to a query is empty: this is not a PromQL endpoint")

    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the result of a PromQL query at this moment: a row a series, with labels, ``time`` and ``value``."""
        now = datetime.now(timezone.utc).timestamp()
        # With its cache the server hides the newest 30 seconds.
        parameters = {"query": text, "time": f"{now:.3f}", "nocache": "1"}
        rows = self._get("/api/v1/query", parameters)["data"]["result"]
        return [{**row["metric"], "time": row["value"][0], "value": float(row["value"][1])} for row in rows]

    def readings(
        self,
        measurement: str,
        value: str,
        start: datetime,
        end: datetime,
        *,
        tags: Mapping[str, str] | None = None,
        equal_to: float | None = None,
    ) -> list[Reading]:
        """Return the samples of ``measurement_value``, oldest first; numbers only."""
        labels = {"__name__": f"{measurement}_{value}", "db": self._database, **(tags or {})}
        selector = ",".join(f"{_label(name)}={_string(wanted)}" for name, wanted in labels.items())
        seconds = math.ceil((end - start).total_seconds())
        parameters = {"query": f"{{{selector}}}[{seconds}s]", "time": f"{end.timestamp():.3f}"}
        rows = self._get("/api/v1/query", parameters)["data"]["result"]
        found = [reading for row in rows for reading in _readings(row)]
        if equal_to is not None:
            found = [reading for reading in found if abs(float(reading.value) - equal_to) < _TOLERANCE]
        return sorted(found, key=lambda each: each.time)

    def dropped(self) -> Mapping[str, int]:
        """Return how many rows this server accepted and dropped since it started, by reason.

        Read from ``/metrics`` beside the write URL, which is up to a second old; empty if that is not there (a
        cluster, a proxy).
        """
        counts: dict[str, int] = {}
        for name, reason, number in _DROPPED.findall(self._metrics(self._write)):
            key = reason or name.removeprefix("vm_").removesuffix("_rows_dropped_total")
            counts[key] = counts.get(key, 0) + int(float(number))
        return {reason: count for reason, count in counts.items() if count}

    def close(self) -> None:
        """Do nothing: each request has a connection of its own."""

    def _write_lines(self, body: bytes) -> None:
        parameters = {"db": self._database, "precision": "ns"}
        _refuse_error(self._write.request("POST", "/write", parameters, body))

    def _get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        answer = self.retry.call(lambda: _refuse_error(self._read.request("GET", path, parameters)))
        try:
            parsed = json.loads(answer.body)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict) or parsed.get("status") != "success":
            raise DatabaseError("foreign", "the answer is not the JSON of a PromQL endpoint", status=answer.status)
        return parsed

    def _metrics(self, endpoint: Endpoint | None = None) -> str:
        try:
            answer = (endpoint or self._read).request("GET", "/metrics")
        except DatabaseError:
            return ""
        return answer.body.decode(errors="replace") if answer.status == 200 else ""


def _refuse_error(answer: Answer) -> Answer:
    """Return the answer, or raise what its status stands for."""
    if answer.status < 300:
        return answer
    text = answer.body.decode(errors="replace").strip()[:500]
    if _HEADER not in answer.headers and answer.status not in (401, 403):
        raise DatabaseError(
            "proxy", f"HTTP status {answer.status} of something in front of VictoriaMetrics", status=answer.status
        )
    if "read-only mode" in text:
        raise DatabaseError("read_only", "VictoriaMetrics is in read-only mode: its disk is nearly full", status=503)
    if "unsupported path" in text or "missing route" in text:
        raise DatabaseError("wrong_path", "the server does not know the path of this URL", status=answer.status)
    raise from_answer(answer.status, _error_text(text), answer.retry_after)


def _error_text(text: str) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text


def _readings(row: Mapping[str, Any]) -> list[Reading]:
    tags = {name: value for name, value in row["metric"].items() if name not in ("__name__", "db")}
    return [
        Reading(datetime.fromtimestamp(seconds, timezone.utc), float(value), tags) for seconds, value in row["values"]
    ]


def _label(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else _string(name)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _port(scheme: str) -> int | None:
    return DEFAULT_PORT if scheme == "http" else None
