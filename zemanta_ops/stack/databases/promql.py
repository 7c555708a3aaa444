"""Read values with PromQL, which VictoriaMetrics, Prometheus and Mimir understand."""

from __future__ import annotations

import json
import math
import re
from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from zemanta_ops.stack.databases.base import Database, Retry, StoredValue
from zemanta_ops.stack.databases.errors import DatabaseError
from zemanta_ops.stack.databases.http import Answer, Endpoint, encode_basic
from zemanta_ops.stack.databases.urls import split_url

# Beyond 2^53 / 10^15 a series that mixes magnitudes is not exact; whole numbers are compared to the nearest.
_TOLERANCE = 0.5
BUILD_INFO = "/api/v1/status/buildinfo"


class PromQLDatabase(Database):
    """A database that is read with PromQL; ``labels`` are on every series that is read."""

    language = "promql"
    delay = 15.0
    # VictoriaMetrics hides the newest points for this long.
    lag = 30.0
    replaces = False

    def __init__(
        self, options: Mapping[str, str], read_url: str, port: int | None, *, timeout: float, retry: Retry
    ) -> None:
        super().__init__(options, timeout=timeout, retry=retry)
        self._authorization = encode_basic(options.get("username", ""), options.get("password", ""))
        self._read = self._create_endpoint(read_url, port)

    def read_version(self) -> str:
        """Return the version that the server reports about itself."""
        build = self._get(BUILD_INFO).get("data")
        if not isinstance(build, dict) or "version" not in build:
            raise DatabaseError("foreign", "the answer has no version: this is not the address that PromQL is sent to")
        return str(build["version"])

    def verify(self) -> None:
        """Run a query that needs the right to read; the database itself exists once something was written."""
        if self.query("vector(1)") == []:
            raise DatabaseError("foreign", "the answer to a query is empty: this is not a PromQL endpoint")

    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the result of a PromQL query at this moment: a row a series, with labels, ``time`` and ``value``."""
        return self.query_at(text, datetime.now(timezone.utc).timestamp())

    def query_at(self, text: str, moment: float) -> list[dict[str, Any]]:
        """Return the result of a PromQL query at a moment in seconds since the epoch; of a range, each newest point."""
        # With its cache VictoriaMetrics hides the newest 30 seconds.
        parameters = {"query": text, "time": f"{moment:.3f}", "nocache": "1"}
        rows = self._get("/api/v1/query", parameters)["data"]["result"]
        points = [(row["metric"], row["value"] if "value" in row else row["values"][-1]) for row in rows]
        return [{**labels, "time": moment, "value": float(number)} for labels, (moment, number) in points]

    def query_span(self, text: str, end: int) -> list[dict[str, Any]]:
        """Return the result of a query at the end of its span."""
        return self.query_at(text, end)

    def query_range(self, text: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """Return the result of a PromQL query at every ``step`` seconds: a row for each series and moment."""
        span = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}s"}
        # VictoriaMetrics hides the newest 30 seconds of a range, with its cache or without.
        fresh = {"nocache": "1", "latency_offset": "1ms"}
        rows = self._get("/api/v1/query_range", {"query": text, **span, **fresh})["data"]["result"]
        return [
            {**row["metric"], "time": moment, "value": float(number)}
            for row in rows
            for moment, number in row["values"]
        ]

    def list_label_values(self, label: str, selector: str) -> list[str]:
        """Return the values of a label among the series that a selector matches."""
        found: list[str] = self._get(f"/api/v1/label/{quote(label)}/values", {"match[]": selector})["data"]
        return found

    def read_values(
        self,
        measurement: str,
        value: str,
        start: datetime,
        end: datetime,
        *,
        tags: Mapping[str, str] | None = None,
        equal_to: float | None = None,
    ) -> list[StoredValue]:
        """Return the samples of ``measurement_value``, oldest first; numbers only."""
        wanted = {self.spell_name(name): text for name, text in (tags or {}).items()}
        labels = {"__name__": self.spell_name(f"{measurement}_{value}"), **self.labels, **wanted}
        selector = ",".join(f"{quote_label(name)}={_quote_string(text)}" for name, text in labels.items())
        seconds = math.ceil((end - start).total_seconds())
        # A range of PromQL includes the point at its end and not the one at its start.
        parameters = {"query": f"{{{selector}}}[{seconds}s] offset 1ms", "time": f"{end.timestamp():.3f}"}
        rows = self._get("/api/v1/query", parameters)["data"]["result"]
        found = [stored for row in rows for stored in self._build_values(row)]
        if equal_to is not None:
            found = [stored for stored in found if abs(float(stored.value) - equal_to) < _TOLERANCE]
        return sorted(found, key=lambda each: each.time)

    def close(self) -> None:
        """Do nothing: each request has a connection of its own."""

    @abstractmethod
    def _check(self, answer: Answer) -> Answer:
        """Return an answer with a status of success, or raise the error that it means."""

    def _create_endpoint(self, url: str, port: int | None) -> Endpoint:
        parts = split_url(url)
        port = port if parts.scheme == "http" else None
        return Endpoint(parts, authorization=self._authorization, timeout=self.timeout, port=port)

    def _get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        answer = self.retry.call(lambda: self._check(self._read.request("GET", path, parameters)))
        parsed = answer.read_json("a PromQL endpoint")
        if parsed.get("status") != "success":
            raise DatabaseError("foreign", "the answer is not that of a PromQL endpoint", status=answer.status)
        return parsed

    def _build_values(self, row: Mapping[str, Any]) -> list[StoredValue]:
        tags = {name: text for name, text in row["metric"].items() if name != "__name__" and name not in self.labels}
        return [
            StoredValue(datetime.fromtimestamp(seconds, timezone.utc), float(text), tags)
            for seconds, text in row["values"]
        ]


def quote_label(name: str) -> str:
    """Return the name of a label as PromQL reads it: between quotes if it has a dot or a dash."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else _quote_string(name)


def _quote_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
