"""HTTP to receivers: what is tried again, what never, and that nothing takes longer than it may."""

from __future__ import annotations

import socket
import time
from email.utils import formatdate
from typing import Any

import pytest

from tests.stack.alerting.listening import DRIP, HANG, Listener, Reply
from zemanta_ops.stack.alerting.receivers import RefusedError, UnavailableError
from zemanta_ops.stack.alerting.receivers.posting import post

TOKEN = "example-token"


def send(url: str, seconds: float = 20.0) -> None:
    post(f"{url}/hook/{TOKEN}?key={TOKEN}", b"{}", {"Content-Type": "application/json"}, seconds)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_success_is_an_acceptance(listener: Listener, status: int) -> None:
    listener.reply = Reply(status, body="")
    send(listener.url)
    assert [(each.path, each.raw) for each in listener.posted] == [(f"/hook/{TOKEN}?key={TOKEN}", b"{}")]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_an_event_that_is_wrong_is_refused_for_good(listener: Listener, status: int) -> None:
    listener.reply = Reply(status, body=f'{{"message": "{TOKEN}"}}')
    with pytest.raises(RefusedError, match=f"^refused with status {status}$"):
        send(listener.url)


@pytest.mark.parametrize("status", [401, 403, 404, 408, 410, 429, 500, 502, 503, 504])
def test_whatever_may_change_is_tried_again(listener: Listener, status: int) -> None:
    listener.reply = Reply(status, body=TOKEN)
    with pytest.raises(UnavailableError, match=f"^answered with status {status}$"):
        send(listener.url)


def test_a_redirect_is_not_followed(listener: Listener) -> None:
    listener.reply = Reply(307, {"Location": f"{listener.url}/other"})
    with pytest.raises(UnavailableError, match=r"status 307\. Set URL to the address that it redirects to"):
        send(listener.url)
    assert len(listener.posted) == 1


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("30", 30, 30),
        ("date in 3000 s", 1, 3_000),
        ("7200", 7_200, 7_200),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("Sun, 99 Nov 2026 08:00:00 GMT", 0, 0),
        ("²", 0, 0),
    ],
)
def test_the_receiver_says_when_to_come_back(listener: Listener, header: str, least: float, most: float) -> None:
    text = formatdate(time.time() + 3_000, usegmt=True) if header.startswith("date") else header
    listener.reply = Reply(429, {"Retry-After": text.encode().decode("latin-1")})
    with pytest.raises(UnavailableError) as failure:
        send(listener.url)
    assert least <= failure.value.retry_after <= most


@pytest.mark.parametrize("how", [HANG, DRIP])
def test_one_that_hangs_or_drips_is_left_at_the_deadline(listener: Listener, how: int) -> None:
    listener.reply = Reply(how)
    with pytest.raises(UnavailableError, match=r"^no answer within 0.4 s$"):
        send(listener.url, 0.4)


def test_nobody_there_and_no_such_host() -> None:
    with pytest.raises(UnavailableError, match=r"^Connection refused$"):
        send("http://127.0.0.1:9")
    with pytest.raises(UnavailableError) as failure:
        send("http://receiver.invalid")
    assert TOKEN not in str(failure.value)


def test_a_port_that_does_not_speak_tls(listener: Listener) -> None:
    with pytest.raises(UnavailableError, match=r"should start with http://|TLS failed"):
        send(listener.url.replace("http:", "https:"))


def test_nothing_is_sent_after_the_deadline(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.create_connection

    def connect_late(*arguments: Any, **options: Any) -> socket.socket:
        time.sleep(0.3)
        return connect(*arguments, **options)

    monkeypatch.setattr(socket, "create_connection", connect_late)
    with pytest.raises(UnavailableError, match=r"^no answer within 0\.1 s$"):
        send(listener.url, 0.1)
    monkeypatch.undo()
    send(listener.url)
    assert len(listener.posted) == 1
