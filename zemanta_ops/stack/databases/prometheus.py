"""Prometheus, Mimir or Grafana Cloud, to which Telegraf sends with Prometheus' remote write: to read only."""

from __future__ import annotations

import re
from collections.abc import Mapping

from zemanta_ops.stack.databases.base import Retry
from zemanta_ops.stack.databases.errors import DatabaseError, classify_answer
from zemanta_ops.stack.databases.http import Answer, Product, describe_stranger
from zemanta_ops.stack.databases.promql import PromQLDatabase
from zemanta_ops.stack.databases.urls import show_url, split_url

DEFAULT_PORT = 9090
_PRODUCT = Product("Prometheus", "")


class PrometheusDatabase(PromQLDatabase):
    """What Telegraf sent to ``remote_write_url``, read at ``read_url``. It has no line protocol."""

    chosen_by = ("remote_write_url",)
    needs = "PROMETHEUS WRITE_URL"
    product = "Prometheus"
    is_writable = False

    def __init__(self, options: Mapping[str, str], *, timeout: float, retry: Retry) -> None:
        super().__init__(options, options["read_url"], DEFAULT_PORT, timeout=timeout, retry=retry)

    @staticmethod
    def describe(options: Mapping[str, str]) -> str:
        """Return ``Prometheus at URL``."""
        return f"Prometheus at {show_url(split_url(options['read_url']))}"

    def spell_name(self, name: str) -> str:
        """Return the name with an underscore for each character that Prometheus does not accept."""
        return re.sub(r"[^A-Za-z0-9_]", "_", name)

    def _check(self, answer: Answer) -> Answer:
        if answer.status < 300 and not answer.is_page():
            return answer
        if answer.is_page() or not answer.body.lstrip().startswith(b"{"):
            if answer.status == 401:
                raise classify_answer(401, answer.read_error())
            raise describe_stranger(answer.status, answer.headers, answer.is_page(), _PRODUCT)
        raise classify_answer(answer.status, answer.read_error(), answer.headers.get("retry-after"))

    def _write_lines(self, body: bytes, timeout: float) -> None:  # noqa: ARG002  the surface has them
        raise DatabaseError("read_only", "Prometheus has no line protocol: only Telegraf writes to it")


DATABASE = PrometheusDatabase
