"""HTTP requests to a database, with nothing but the standard library; each failure is a ``DatabaseError``."""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from zemanta_ops.stack.databases.errors import DatabaseError, Kind, classify_answer
from zemanta_ops.stack.databases.urls import show_url
from zemanta_ops.stack.deadlines import Deadline, DeadlineError

# A proxy answers with these if it does not reach the database.
_GATEWAY = (502, 503, 504)
# How many times the time-out of one read a whole answer may take.
_SLOWEST = 2
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")


@dataclass(frozen=True)
class Product:
    """A kind of server, and the header that is in each of its answers."""

    name: str
    header: str


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def read_json(self, product: str) -> dict[str, Any]:
        """Return the body, which must be a JSON object."""
        try:
            parsed = json.loads(self.body)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise DatabaseError("foreign", f"the answer is not the JSON that {product} sends", status=self.status)
        return parsed

    def read_error(self) -> str:
        """Return the message in the body: that of a JSON object, or the text."""
        text = self.body.decode(errors="replace").strip()
        try:
            parsed = json.loads(text)
            return str(parsed.get("message") or parsed["error"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return "" if self.is_page() else text[:500]

    def is_page(self) -> bool:
        """Return whether the body is a web page."""
        return b"<html" in self.body[:1000].lower()

    def could_be_hidden(self) -> bool:
        """Return whether a database may have sent this, and a proxy removed its header: a success, or an error in JSON.

        A proxy's own answers are redirects, pages, and errors in other forms.
        """
        if self.is_page() or 300 <= self.status < 400:
            return False
        return self.status < 300 or self.body.lstrip().startswith(b"{")


class Endpoint:
    """One base URL, with its credentials. Each request has a connection of its own.

    Args:
        url: Scheme, host, port and a path that goes before the path of every request.
        authorization: The header ``Authorization``, see ``encode_basic``; empty if the server needs none.
        timeout: Seconds that connecting, and each read, may take; a whole answer may take twice as long.
        port: The port if the URL has none; by default that of the scheme.
        headers: Other headers of each request.

    """

    def __init__(
        self,
        url: SplitResult,
        *,
        authorization: str = "",
        timeout: float = 10.0,
        port: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._port = port
        self._headers = {"User-Agent": "zemanta-ops", **(headers or {})}
        if authorization:
            self._headers["Authorization"] = authorization

    def request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        timeout: float | None = None,
    ) -> Answer:
        """Send one request and return the answer, whatever its status.

        Raises:
            DatabaseError: No HTTP answer came: ``unreachable``, ``blocked``, ``timeout``, ``tls`` or ``foreign``.

        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        seconds = self._timeout if timeout is None else min(timeout, self._timeout)
        connection = self._open_connection(seconds)
        try:
            # A handshake of TLS takes the time-out at most, whatever comes.
            connection.connect()
            with Deadline(connection, _SLOWEST * seconds) as deadline:
                connection.request(method, f"{self._url.path.rstrip('/')}{path}{query}", body, self._headers)
                # An answer without a length keeps the connection of its own, which is open until it is closed.
                with connection.getresponse() as answer:
                    headers = {name.lower(): value for name, value in answer.headers.items()}
                    content = answer.read()
                # An answer without a length just ends, without an error.
                deadline.check()
                return Answer(answer.status, headers, content)
        except DeadlineError:
            text = f"the answer was not complete within {_SLOWEST * seconds:g} s"
            raise DatabaseError("timeout", text) from None
        except TimeoutError:
            # It has a socket from when the server has accepted it, also during a handshake.
            stage: Kind = "timeout" if connection.sock else "blocked"
            raise DatabaseError(stage, f"no answer within {seconds:g} s") from None
        except ssl.SSLError as error:
            raise DatabaseError("tls", describe_tls(error)) from None
        except (ConnectionResetError, http.client.BadStatusLine) as error:
            raise self._describe_end(error, seconds) from None
        except OSError as error:
            raise DatabaseError("unreachable", error.strerror or str(error)) from None
        except http.client.IncompleteRead:
            raise DatabaseError("unreachable", "the connection ended in the middle of the answer") from None
        except http.client.HTTPException as error:
            raise DatabaseError("foreign", f"the server does not speak HTTP ({type(error).__name__})") from None
        finally:
            connection.close()

    def _describe_end(self, error: Exception, seconds: float) -> DatabaseError:
        """Return the error for a server that ends the connection without an answer in HTTP."""
        if self._url.scheme == "http" and _accepts_tls(self._url.hostname or "", self._url.port or self._port, seconds):
            return DatabaseError("tls", "the port speaks TLS: the URL should start with https://")
        if isinstance(error, OSError):
            return DatabaseError("unreachable", error.strerror or str(error))
        return DatabaseError("foreign", f"the server does not speak HTTP ({type(error).__name__})")

    def _open_connection(self, seconds: float) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port or self._port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=seconds)


def _accepts_tls(host: str, port: int | None, seconds: float) -> bool:
    """Return whether a port completes a TLS handshake, or shows a certificate that is not accepted."""
    try:
        with socket.create_connection((host, port or http.client.HTTP_PORT), seconds) as connection:
            return _shake_hands(connection, host)
    except ssl.SSLCertVerificationError:
        return True
    except OSError:
        return False


def _shake_hands(connection: socket.socket, host: str) -> bool:
    """Return whether a TLS handshake completes. ``wrap_socket`` does not close what is reset during it."""
    received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
    secured = ssl.create_default_context().wrap_bio(received, to_send, server_hostname=host)
    while True:
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            connection.sendall(to_send.read())
            received.write(connection.recv(16_384))
            if not received.pending:
                return False
        else:
            return True


def encode_basic(username: str, password: str) -> str:
    """Return the header ``Authorization`` of basic authentication; empty if there is no user."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode('ascii')}" if username else ""


def check_answer(answer: Answer, product: Product) -> Answer:
    """Return an answer of this product with a status of success, or raise the error that it means."""
    # The words of Go's net/http, in which all these databases are written, and of nginx.
    if answer.status == 400 and re.search(rb"plain HTTP request|HTTP request to an HTTPS server", answer.body):
        raise DatabaseError("tls", "the port speaks TLS: the URL should start with https://", status=400)
    if product.header not in answer.headers:
        raise describe_stranger(answer.status, answer.headers, answer.is_page(), product)
    if answer.status < 300:
        return answer
    # InfluxDB 1.x repeats its error in a header, and for some requests only there.
    text = answer.read_error() or answer.headers.get("x-influxdb-error", "")
    raise classify_answer(answer.status, text, answer.headers.get("retry-after"))


def describe_stranger(status: int, headers: Mapping[str, str], is_page: bool, product: Product) -> DatabaseError:
    """Return the error for an answer that is not from the product; header names are in lower case."""
    front = f"something in front of {product.name}"
    if status in _GATEWAY:
        wait = _parse_wait(headers.get("retry-after"))
        # nginx refuses with a 503 what exceeds its limits.
        limit = ", or limits requests" if status == 503 else ""
        text = f"{front} answers with status {status}: it does not reach {product.name}{limit}"
        return DatabaseError("gateway", text, status=status, retry_after=wait)
    if 300 <= status < 400:
        target = _show_target(headers.get("location", ""))
        return DatabaseError("proxy", f"{front} redirects with status {status}{target}", status=status)
    if status == 429:
        wait = _parse_wait(headers.get("retry-after"))
        text = f"{front} answers with status 429: too many requests"
        return DatabaseError("overloaded", text, status=status, retry_after=wait)
    if status == 413:
        text = f"{front} answers with status 413: it accepts no body of this size"
        return DatabaseError("too_large", text, status=status)
    if is_page or status >= 300:
        what = f"a web page (status {status})" if is_page else f"status {status}"
        what += (
            ": it asks for a user name and a password" if "basic" in headers.get("www-authenticate", "").lower() else ""
        )
        return DatabaseError("proxy", f"{front} answers with {what}", status=status)
    text = f"the server that answers is not {product.name}: it sends no {product.header.title()}"
    return DatabaseError("foreign", text, status=status)


def describe_tls(error: Exception) -> str:
    """Return in words why a TLS connection failed: the certificate, or a server that does not speak TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    if not isinstance(error, ssl.SSLError):
        return f"TLS failed ({type(error).__name__})"
    if error.reason in _NOT_TLS:
        return "the port does not speak TLS: the URL should start with http://"
    return f"TLS failed ({(error.reason or type(error).__name__).lower().replace('_', ' ')})"


def _show_target(location: str) -> str:
    try:
        parts = urlsplit(location)
        return f" to {show_url(parts)}" if parts.hostname else ""
    except ValueError:
        return ""


def _parse_wait(text: str | None) -> float:
    return float(text) if text and text.isdecimal() else 0.0
