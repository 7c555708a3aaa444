"""Takes datagrams, or the lines of TCP connections, from listening sockets."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

MAX_DATAGRAM = 65_535
# After so many reads of one socket the others, and the caller, get their turn.
READS_AT_ONCE = 256
# A TCP client that sends no newline for so long is cut off.
MAX_LINE = 1024 * 1024


class Receiver:
    """Polls sockets and hands every datagram to one function; TCP lines come as one datagram a read."""

    def __init__(self, listeners: Sequence[socket.socket], take: Callable[[bytes], None]) -> None:
        self.listeners = tuple(listeners)
        self._take = take
        self._partial: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()
        for each in self.listeners:
            on_ready = self._receive if each.type == socket.SOCK_DGRAM else self._accept
            self._selector.register(each, selectors.EVENT_READ, on_ready)
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ, lambda ear: ear.recv(1024))

    def poll(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for something to arrive and take what is there."""
        for key, _ in self._selector.select(max(timeout, 0)):
            key.data(key.fileobj)

    def wake(self) -> None:
        """Make a ``poll`` return at once; for other threads and for signal handlers."""
        with suppress(BlockingIOError):  # a full pipe wakes as well
            self._bell.send(b"!")

    def close(self) -> None:
        """Close every socket."""
        self._selector.close()
        for each in (*self.listeners, *self._partial, self._bell, self._ear):
            each.close()

    def _receive(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError):
            for _ in range(READS_AT_ONCE):
                self._take(listener.recv(MAX_DATAGRAM))

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the client may have gone already
            connection, _ = listener.accept()
            connection.setblocking(False)
            self._partial[connection] = b""
            self._selector.register(connection, selectors.EVENT_READ, self._read)

    def _read(self, connection: socket.socket) -> None:
        try:
            chunk = connection.recv(MAX_DATAGRAM)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        lines, newline, rest = (self._partial[connection] + chunk).rpartition(b"\n")
        if newline:
            self._take(lines)
        self._partial[connection] = rest
        if not chunk or len(rest) > MAX_LINE:
            self._hang_up(connection)

    def _hang_up(self, connection: socket.socket) -> None:
        rest = self._partial.pop(connection)
        if rest:
            self._take(rest)
        self._selector.unregister(connection)
        connection.close()
