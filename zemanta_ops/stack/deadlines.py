"""A deadline for a whole HTTP exchange, because a time-out of a socket starts again with every byte."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection
from types import TracebackType
from typing import final


class DeadlineError(TimeoutError):
    """The exchange was not complete in time."""


@final
class Deadline:
    """A context that ends a connection after some seconds.

    An error inside the context, after its time, is raised as ``DeadlineError``: the end of the connection has caused
    it. Call ``check`` after connecting, and after each step that a connection which just ends does not make fail.

    Args:
        connection: Need not be connected yet.
        seconds: How long the context may take.

    """

    def __init__(self, connection: HTTPConnection, seconds: float) -> None:
        self._connection = connection
        # An answer without a length takes the socket away from its connection.
        self._socket: socket.socket | None = connection.sock
        self._expired = threading.Event()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()
        if isinstance(error, Exception) and self._expired.is_set():
            raise DeadlineError from None

    def check(self) -> None:
        """Raise DeadlineError if the time is over."""
        self._socket = self._connection.sock or self._socket
        if self._expired.is_set():
            raise DeadlineError

    def _end(self) -> None:
        self._expired.set()
        connected = self._connection.sock or self._socket
        if connected is not None:
            # This wakes the thread that reads, which closing would not. TLS must not wait for the other side here.
            with suppress(OSError):
                socket.socket.shutdown(connected, socket.SHUT_RDWR)
