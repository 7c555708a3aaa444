"""HTTP requests to a database, with nothing but the standard library; each failure is a ``DatabaseError``."""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode

from zemanta_ops.stack.databases.errors import DatabaseError, Kind


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> str | None:
        """The header ``Retry-After``."""
        return self.headers.get("retry-after")


class Endpoint:
    """One base URL, with its credentials. Each request has a connection of its own."""

    def __init__(
        self,
        url: SplitResult,
        *,
        username: str = "",
        password: str = "",
        timeout: float = 10.0,
        port: int | None = None,
    ) -> None:
        """Keep the parts of the URL; nothing is sent yet.

        Args:
            url: Scheme, host, port and a path that goes before every request's.
            username: For HTTP basic authentication; empty if the server asks for none.
            password: Of that user.
            timeout: Seconds that connecting, and each read, may take.
            port: The port if the URL has none; by default that of the scheme.
        """
        self._url = url
        self._timeout = timeout
        self._port = port
        self._headers = {"User-Agent": "zemanta-ops"}
        if username:
            pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
            self._headers["Authorization"] = f"Basic {pair}"

    def request(
        self, method: str, path: str, parameters: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Send one request and return the answer, whatever its status.

        Raises:
            DatabaseError: No HTTP answer came: ``unreachable``, ``blocked``, ``timeout``, ``tls`` or ``foreign``.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        connection = self._connection()
        stage: Kind = "blocked"
        try:
            connection.connect()
            stage = "timeout"
            connection.request(method, f"{self._url.path.rstrip('/')}{path}{query}", body, self._headers)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return _refuse_plain(Answer(answer.status, headers, answer.read()))
        except TimeoutError:
            raise DatabaseError(stage, f"no answer within {self._timeout:g} s") from None
        except ssl.SSLError as error:
            raise DatabaseError("tls", describe_tls(error)) from None
        except OSError as error:
            raise DatabaseError("unreachable", error.strerror or str(error)) from None
        except http.client.HTTPException as error:
            raise DatabaseError("foreign", f"the answer is not HTTP ({type(error).__name__})") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port or self._port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=self._timeout)


def _refuse_plain(answer: Answer) -> Answer:
    # The words of Go's net/http, in which all these databases are written.
    if answer.status == 400 and b"HTTP request to an HTTPS server" in answer.body:
        raise DatabaseError("tls", "the port speaks TLS: the URL should start with https://", status=400)
    return answer


def describe_tls(error: ssl.SSLError) -> str:
    """Return in words why a TLS connection failed: the certificate, or a server that does not speak TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        return "the port does not speak TLS: the URL should start with http://"
    return f"TLS failed ({(error.reason or type(error).__name__).lower().replace('_', ' ')})"
