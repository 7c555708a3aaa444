"""HTTP POST with nothing but the standard library and a hard deadline. No URL and no body is in an error."""

from __future__ import annotations

import email.utils
import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from zemanta_ops.stack.alerting.receivers.base import RefusedError, UnavailableError
from zemanta_ops.stack.databases.http import describe_tls
from zemanta_ops.stack.deadlines import Deadline

# The event itself is wrong, so that it will never be accepted. Any other status may have another cause: a deploy of the
# receiver, a proxy, a credential that is being rotated.
_REFUSED = (400, 413, 422)
_MAX_ANSWER = 65_536


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    seconds: float,
    read_reason: Callable[[Mapping[str, Any]], str] = lambda _: "",
) -> None:
    """Send a POST request; returning means that the answer had a status of success.

    Args:
        url: An address that ``parsing`` has accepted.
        body: The body.
        headers: Beside ``User-Agent``.
        seconds: The whole exchange takes at most this long.
        read_reason: Returns from the JSON object of a refusal the words for people.

    Raises:
        UnavailableError: No answer came, or one that may be different later.
        RefusedError: The receiver refuses this event for good.

    """
    status, wait, answer = _exchange(url, body, headers, seconds)
    if 200 <= status < 300:
        return
    if status in _REFUSED:
        raise RefusedError(f"refused with status {status}{_describe(answer, read_reason)}")
    hint = ". Set URL to the address that it redirects to" if 300 <= status < 400 else ""
    raise UnavailableError(f"answered with status {status}{hint}", retry_after=wait)


def _exchange(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> tuple[int, float, bytes]:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _open(parts.scheme, parts.hostname or "", parts.port, seconds)
    try:
        with Deadline(connection, seconds) as deadline:
            connection.connect()
            # If names and addresses took too long, what is sent now could arrive twice.
            deadline.check()
            connection.request("POST", target, body, {"User-Agent": "zemanta-ops", **headers})
            answer = connection.getresponse()
            # The end of the connection reads as the end of the headers.
            deadline.check()
            # What follows the status of a success does not matter, not even if it breaks off.
            text = b"" if 200 <= answer.status < 300 else answer.read(_MAX_ANSWER)
            return answer.status, _read_wait(answer.getheader("Retry-After")), text
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, TimeoutError):
            raise UnavailableError(f"no answer within {seconds:g} s") from None
        raise UnavailableError(_explain(error)) from None
    finally:
        connection.close()


def _open(scheme: str, host: str, port: int | None, seconds: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=seconds)


def _explain(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return describe_tls(error)
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"the answer is not HTTP ({type(error).__name__})"


def _describe(answer: bytes, read_reason: Callable[[Mapping[str, Any]], str]) -> str:
    try:
        parsed = json.loads(answer)
        reason = read_reason(parsed) if isinstance(parsed, dict) else ""
    except (ValueError, TypeError):
        reason = ""
    return f": {reason}" if reason else ""


def _read_wait(text: str | None) -> float:
    """Return the seconds that the header Retry-After asks for, given as a number or as a date."""
    if not text:
        return 0.0
    try:
        wait = float(text) if text.isdecimal() else email.utils.parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0
    return max(wait, 0.0)
