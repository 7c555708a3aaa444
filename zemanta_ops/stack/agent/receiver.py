"""Receive datagrams, or the lines of TCP connections, from listening sockets."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

MAX_DATAGRAM = 65_535
# After this many reads of one socket, the others and the caller get their turn.
READS_AT_ONCE = 256
# A TCP client that sends this many bytes without a newline is disconnected.
MAX_LINE = 1024 * 1024
# Seconds until connections are accepted again after the system had no file descriptor, or no memory, for one.
PAUSE_SECONDS = 1.0
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Receiver:
    """Polls sockets and passes every datagram to one function; the TCP lines of one read are passed as one datagram."""

    def __init__(self, listeners: Sequence[socket.socket], receive: Callable[[bytes], None]) -> None:
        self.listeners = tuple(listeners)
        self._receive = receive
        self._partial: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()
        self._paused: list[socket.socket] = []
        self._resume_at = 0.0
        for each in self.listeners:
            self._listen(each)
        self._wake_sender, self._wake_receiver = socket.socketpair()
        self._wake_sender.setblocking(False)
        self._selector.register(self._wake_receiver, selectors.EVENT_READ, lambda receiver: receiver.recv(1024))

    def poll(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for data, and receive what has arrived."""
        if self._paused:
            timeout = min(timeout, self._resume_at - time.monotonic())
        for key, _ in self._selector.select(max(timeout, 0)):
            key.data(key.fileobj)
        if self._paused and time.monotonic() >= self._resume_at:
            while self._paused:
                self._listen(self._paused.pop())

    def add_reader(self, fd: int, on_ready: Callable[[], None]) -> None:
        """Call ``on_ready`` in ``poll`` whenever there is something to read from a file descriptor."""
        self._selector.register(fd, selectors.EVENT_READ, lambda _: on_ready())

    def remove_reader(self, fd: int) -> None:
        """Read no more from a file descriptor."""
        self._selector.unregister(fd)

    def wake(self) -> None:
        """Make ``poll`` return at once; may be called by other threads and by signal handlers."""
        with suppress(BlockingIOError):  # a full pipe also wakes it
            self._wake_sender.send(b"!")

    def close(self) -> None:
        """Close every socket."""
        self._selector.close()
        for each in (*self.listeners, *self._partial, self._wake_sender, self._wake_receiver):
            each.close()

    def _listen(self, listener: socket.socket) -> None:
        on_ready = self._read_datagrams if listener.type == socket.SOCK_DGRAM else self._accept
        self._selector.register(listener, selectors.EVENT_READ, on_ready)

    def _read_datagrams(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError):
            for _ in range(READS_AT_ONCE):
                self._receive(listener.recv(MAX_DATAGRAM))

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                # The client still waits, so the listener would be ready again at once.
                self._selector.unregister(listener)
                self._paused.append(listener)
                self._resume_at = time.monotonic() + PAUSE_SECONDS
            return  # otherwise the client may have disconnected already
        connection.setblocking(False)
        self._partial[connection] = b""
        self._selector.register(connection, selectors.EVENT_READ, self._read_lines)

    def _read_lines(self, connection: socket.socket) -> None:
        try:
            chunk = connection.recv(MAX_DATAGRAM)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        lines, newline, rest = (self._partial[connection] + chunk).rpartition(b"\n")
        if newline:
            self._receive(lines)
        self._partial[connection] = rest
        if not chunk or len(rest) > MAX_LINE:
            self._disconnect(connection)

    def _disconnect(self, connection: socket.socket) -> None:
        rest = self._partial.pop(connection)
        if rest:
            self._receive(rest)
        self._selector.unregister(connection)
        connection.close()
