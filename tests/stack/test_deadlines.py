"""A deadline ends an HTTP exchange that goes on, and leaves one alone that is in time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.client import HTTPConnection, IncompleteRead

import pytest

from zemanta_ops.stack.deadlines import Deadline, DeadlineError

WITHOUT_LENGTH = b"HTTP/1.0 200 OK\r\n\r\nthe beginning"
WITH_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def connection(listener: socket.socket) -> Iterator[HTTPConnection]:
    host, port = listener.getsockname()
    made = HTTPConnection(host, port, timeout=60)
    yield made
    made.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(WITHOUT_LENGTH, id="without a length"),
        pytest.param(WITH_LENGTH, id="with a length"),
        pytest.param(b"HTTP/1.1 200 O", id="in the status line"),
        pytest.param(b"", id="no answer"),
    ],
)
@pytest.mark.parametrize("connects_before", [True, False])
def test_an_answer_that_never_ends_is_ended(
    listener: socket.socket, connection: HTTPConnection, answer: bytes, connects_before: bool
) -> None:
    if connects_before:
        connection.connect()
    with pytest.raises(DeadlineError), Deadline(connection, 0.1) as deadline:
        if not connects_before:
            connection.connect()
        deadline.check()
        peer, _ = listener.accept()
        with peer:
            connection.request("GET", "/")
            peer.sendall(answer)
            with connection.getresponse() as response:
                response.read()
            deadline.check()


def test_an_error_in_time_is_raised_as_it_is(listener: socket.socket, connection: HTTPConnection) -> None:
    connection.connect()
    peer, _ = listener.accept()
    with pytest.raises(IncompleteRead), Deadline(connection, 60):
        connection.request("GET", "/")
        peer.sendall(WITH_LENGTH)
        peer.shutdown(socket.SHUT_WR)
        with peer, connection.getresponse() as response:
            response.read()


def test_a_deadline_before_the_connection_is_found_by_the_check(connection: HTTPConnection) -> None:
    with pytest.raises(DeadlineError), Deadline(connection, 0.0) as deadline:
        deadline._timer.join(60)
        connection.connect()
        deadline.check()


def test_an_interruption_stays_one(connection: HTTPConnection) -> None:
    with pytest.raises(KeyboardInterrupt), Deadline(connection, 0.0) as deadline:
        deadline._timer.join(60)
        raise KeyboardInterrupt


def test_no_thread_is_left(connection: HTTPConnection) -> None:
    with Deadline(connection, 600) as deadline:
        deadline.check()
    deadline._timer.join(60)
    assert not deadline._timer.is_alive()
