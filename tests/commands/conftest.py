"""Fixtures of the commands' tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest


@pytest.fixture
def sink() -> Iterator[int]:
    """Return the UDP port of a program that takes everything and is not an agent."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]
