"""The fake CloudWatch over HTTP on loopback: JSON for botocore, CBOR for the Go client of Telegraf."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import ClientError

from tests.stack.cloudwatch import cbor
from tests.stack.cloudwatch.fake import FakeCloudWatch

METHODS = {"ListMetrics": "list_metrics", "GetMetricData": "get_metric_data"}
_TIMES = ("StartTime", "EndTime")


@contextmanager
def serve(fake: FakeCloudWatch) -> Iterator[str]:
    """Serve the fake on a free port of loopback; yield its URL."""

    class Handler(_Handler):
        cloudwatch = fake

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    cloudwatch: FakeCloudWatch
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "")
        is_cbor = not target
        operation = (target or self.path).rpartition("." if target else "/")[2]
        request = (cbor.decode(body) if body else {}) if is_cbor else _read_times(json.loads(body))
        try:
            answer, status = getattr(self.cloudwatch, METHODS[operation])(**request), 200
        except ClientError as error:
            details = error.response["Error"]
            answer, status = {"__type": details["Code"], "message": details["Message"]}, 400
        answer.pop("ResponseMetadata", None)
        self._answer(
            status, cbor.encode(answer) if is_cbor else json.dumps(answer, default=_write_time).encode(), is_cbor
        )

    def _answer(self, status: int, content: bytes, is_cbor: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/cbor" if is_cbor else "application/x-amz-json-1.0")
        if is_cbor:
            self.send_header("smithy-protocol", "rpc-v2-cbor")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the date of the fake, not of this machine."""
        return super().date_time_string(self.cloudwatch.now + self.cloudwatch.skew if timestamp is None else timestamp)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def _read_times(request: dict[str, Any]) -> dict[str, Any]:
    times = {key: datetime.fromtimestamp(request[key], timezone.utc) for key in _TIMES if key in request}
    return {**request, **times}


def _write_time(value: Any) -> float:
    assert isinstance(value, datetime)
    return value.timestamp()
