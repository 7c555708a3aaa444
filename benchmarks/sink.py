"""Where the peers send to: a UDP socket that keeps what arrives in the kernel until it is asked."""

from __future__ import annotations

import re
import socket
from pathlib import Path

_RCVBUFFORCE = 33
# The peers count what they send, too: only the counter of the benchmark is summed.
_COUNTER = re.compile(rb"benchmark[^\n|]*:(-?\d+)(?:\.0+)?\|c")


class Sink:
    """Receives datagrams on loopback."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option in (socket.SO_RCVBUF, _RCVBUFFORCE):
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, option, 8 * 1024 * 1024)
            except OSError:
                continue
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.datagrams = self.bytes = self.counted = 0

    def drain(self) -> None:
        """Take what has arrived: count datagrams, bytes and the sum of their counters."""
        while True:
            try:
                datagram = self._socket.recv(65535)
            except BlockingIOError:
                return
            self.datagrams += 1
            self.bytes += len(datagram)
            self.counted += sum(map(int, _COUNTER.findall(datagram)))

    def kernel_drops(self) -> int:
        """Return how many datagrams the kernel had no room for."""
        rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
        return sum(int(row[-1]) for row in rows if row[1].endswith(f":{self.port:04X}"))
