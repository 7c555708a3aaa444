"""What InfluxDB 1.x and 2.x share: how their answers are recognised, also behind a proxy that hides their header."""

from __future__ import annotations

from collections.abc import Mapping

from zemanta_ops.stack.databases.errors import DatabaseError
from zemanta_ops.stack.databases.http import Answer, Endpoint, Product, check_answer

PRODUCT = Product("InfluxDB", "x-influxdb-version")

UNKNOWN_VERSION = "of unknown version"
# Only InfluxDB refuses this with words of its parser.
NOT_INFLUXQL = "ZEMANTA_OPS IS NOT INFLUXQL"


class InfluxDBEndpoint:
    """An endpoint whose answers must be those of InfluxDB.

    Args:
        endpoint: Where requests go.

    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        # The version if the header with it is hidden, "" if what answers is not InfluxDB, None if that was not asked.
        self._hidden_version: str | None = None

    def request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        timeout: float | None = None,
    ) -> Answer:
        """Send one request and return the answer, which has the header with the version.

        Raises:
            DatabaseError: The request failed, or what answers is not InfluxDB.

        """
        answer = self._endpoint.request(method, path, parameters, body, timeout=timeout)
        if PRODUCT.header not in answer.headers and answer.could_be_hidden() and (version := self._find_version()):
            answer = Answer(answer.status, {**answer.headers, PRODUCT.header: version}, answer.body)
        return check_answer(answer, PRODUCT)

    def read_version(self) -> str:
        """Return the version, which ``/ping`` has in its header."""
        return self.request("GET", "/ping").headers[PRODUCT.header]

    def _find_version(self) -> str:
        if self._hidden_version is None:
            self._hidden_version = self._read_health() or self._read_refusal()
        return self._hidden_version

    def _read_health(self) -> str:
        """Return the version in ``/health``, which InfluxDB has since 1.8; "" if it is not there."""
        try:
            health = self._endpoint.request("GET", "/health").read_json(PRODUCT.name)
        except DatabaseError as error:
            if error.kind == "foreign":
                return ""
            raise
        return str(health.get("version") or UNKNOWN_VERSION) if health.get("name") == "influxdb" else ""

    def _read_refusal(self) -> str:
        """Return the version if a query is refused as by InfluxDB: by its parser, or for want of credentials."""
        answer = self._endpoint.request("GET", "/query", {"q": NOT_INFLUXQL, "db": "_internal"})
        # 1.x has its name in the header, 2.x has this code in the body.
        signs = (
            answer.headers.get("www-authenticate", "").lower(),
            answer.body.replace(b" ", b"").decode(errors="ignore"),
        )
        wants_user = answer.status == 401 and ("influxdb" in signs[0] or '"code":"unauthorized"' in signs[1])
        is_known = wants_user or "found ZEMANTA_OPS, expected SELECT" in answer.read_error()
        # A proxy may answer some paths itself and hide nothing of the others.
        return answer.headers.get(PRODUCT.header, UNKNOWN_VERSION if is_known else "")
