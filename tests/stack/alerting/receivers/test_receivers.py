"""PagerDuty, webhook, e-mail and apprise, on a listener, on Django's mail box and on a mail server of the test."""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core import mail
from django.test import override_settings

from tests.stack.alerting.listening import Listener, Reply
from tests.stack.alerting.receivers.sending import RESOLVE, ROUTING_KEY, TRIGGER, build
from zemanta_ops.stack.alerting.notification import Deploy, build_dedup_key, cut
from zemanta_ops.stack.alerting.receivers import DeployReceiver, RefusedError, UnavailableError

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def mailing(backend: str, **options: Any) -> override_settings:
    """Choose how mail is sent: from Django 6.1 on, with MAILERS."""
    if hasattr(mail, "mailers"):
        return override_settings(MAILERS={"default": {"BACKEND": backend, "OPTIONS": options}})
    return override_settings(EMAIL_BACKEND=backend, **{f"EMAIL_{name.upper()}": each for name, each in options.items()})


def pager(listener: Listener, **options: Any) -> DeployReceiver:
    built = build(BACKEND="pagerduty", ROUTING_KEY=ROUTING_KEY, URL=listener.url, SOURCE="shop", **options)
    assert isinstance(built, DeployReceiver)
    return built


def test_pagerduty_gets_what_its_events_api_wants(listener: Listener) -> None:
    pager(listener).send(TRIGGER)
    (posted,) = listener.posted
    assert (posted.path, posted.headers["Content-Type"]) == ("/v2/enqueue", "application/json")
    assert posted.body == {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": "shop.error_ratio{view=cart}",
        "client": "zemanta_ops",
        "links": [{"href": "https://wiki.example.com/errors", "text": "Runbook"}],
        "payload": {
            "summary": "cart: 25.0% of requests fail",
            "source": "shop",
            "severity": "critical",
            "timestamp": "2026-03-01T12:00:00+00:00",
            "class": "shop.error_ratio",
            "custom_details": {"value": 0.25, "view": "cart", "impact": "Nobody can pay."},
        },
    }


def test_pagerduty_resolves_under_the_same_key(listener: Listener) -> None:
    pager(listener).send(replace(TRIGGER, level="warn"))
    pager(listener).send(RESOLVE)
    assert [each.body.get("payload", {}).get("severity") for each in listener.posted] == ["warning", None]
    assert listener.posted[1].body == {
        "routing_key": ROUTING_KEY,
        "event_action": "resolve",
        "dedup_key": listener.posted[0].body["dedup_key"],
    }


def test_pagerduty_shows_a_deploy(listener: Listener) -> None:
    pager(listener).send_deploy(Deploy("2.4.1", "x" * 2_000, "2026-03-01T12:00:00+00:00", {"env": "production"}))
    (posted,) = listener.posted
    assert posted.path == "/v2/change/enqueue"
    assert len(posted.body["payload"]["summary"]) == 1_024
    assert posted.body["payload"]["custom_details"] == {"version": "2.4.1", "env": "production"}


def test_an_event_that_is_too_large_goes_without_its_details(listener: Listener) -> None:
    pager(listener).send(replace(TRIGGER, details={"meaning": "x" * 600_000}))
    assert len(listener.posted[0].raw) < 512_000
    assert "custom_details" not in listener.posted[0].body["payload"]


def test_why_pagerduty_refuses_is_reported_but_never_the_key(listener: Listener) -> None:
    listener.replies += [
        Reply(400, body=json.dumps({"status": "invalid event", "message": "bad", "errors": ["summary is missing"]})),
        Reply(400, body=json.dumps({"message": f"no service has the key {ROUTING_KEY}"})),
        Reply(400, body=json.dumps({"message": f"no service has the key {ROUTING_KEY[10:20]}…"})),
        Reply(400, body="[]"),
    ]
    reasons = []
    for _ in range(4):
        with pytest.raises(RefusedError) as failure:
            pager(listener).send(TRIGGER)
        reasons.append(str(failure.value))
    assert reasons == ["refused with status 400: summary is missing", *["refused with status 400"] * 3]


def test_a_webhook_gets_everything_as_json(listener: Listener) -> None:
    build(BACKEND="webhook", URL=f"{listener.url}/hook?a=b").send(TRIGGER)
    (posted,) = listener.posted
    assert (posted.path, posted.body) == ("/hook?a=b", TRIGGER.encode())
    assert "X-Zemanta-Ops-Signature" not in posted.headers


def test_a_webhook_signs_the_body_and_the_time(listener: Listener) -> None:
    build(BACKEND="webhook", URL=listener.url, KEY="example-key").send(TRIGGER)
    (posted,) = listener.posted
    time, _, signature = posted.headers["X-Zemanta-Ops-Signature"].partition(",v1=")
    expected = hmac.new(b"example-key", time.removeprefix("t=").encode() + b"." + posted.raw, hashlib.sha256)
    assert hmac.compare_digest(signature, expected.hexdigest())


def test_texts_of_any_kind_arrive(listener: Listener) -> None:
    odd = replace(TRIGGER, summary='"\\ \x00 é 雪 \ud800', tags={"view": "<script>"}, value=None)
    for receiver in (pager(listener), build(BACKEND="webhook", URL=listener.url)):
        receiver.send(odd)
    assert listener.posted[0].body["payload"]["summary"] == listener.posted[1].body["summary"] == odd.summary


def test_an_email_has_all_facts_and_stays_in_its_thread(mailoutbox: list[Any]) -> None:
    receiver = build(BACKEND="email", TO=["ops@example.com", "boss@example.com"], FROM="shop@example.com")
    with mailing("django.core.mail.backends.locmem.EmailBackend"):
        receiver.send(replace(TRIGGER, summary="a\r\nBcc: x@example.com"))
        receiver.send(RESOLVE)
    first, second = mailoutbox
    assert (first.to, first.from_email) == (["ops@example.com", "boss@example.com"], "shop@example.com")
    assert (first.subject, second.subject[:4]) == ("[CRIT] a Bcc: x@example.com", "[OK]")
    for text in ("shop.error_ratio", "view: cart", "Nobody can pay.", "https://wiki.example.com/errors", "0.25"):
        assert text in first.body
    assert first.extra_headers["References"] == second.extra_headers["References"]


class Smtp(socketserver.StreamRequestHandler):
    """As much of a mail server as a message needs; what it answers to RCPT and DATA is given."""

    rcpt, data = "250 ok", "354 go on"

    def handle(self) -> None:
        """Talk until QUIT."""
        self.wfile.write(b"220 test\r\n")
        for line in self.rfile:
            word = line[:4].upper().decode("latin-1")
            answer = {"RCPT": self.rcpt, "DATA": self.data, "EHLO": "250 test", "QUIT": "221 bye"}.get(word, "250 ok")
            self.wfile.write(f"{answer}\r\n".encode())
            if word == "QUIT":
                return


@pytest.fixture
def smtp() -> Iterator[type[Smtp]]:
    class Answering(Smtp):
        pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        with mailing(SMTP, host="127.0.0.1", port=server.server_address[1]):
            yield Answering
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("rcpt", "data", "error"),
    [
        ("550 no such user", "354 go on", RefusedError),
        ("450 greylisted", "354 go on", UnavailableError),
        ("250 ok", "554 too large", RefusedError),
        ("250 ok", "451 later", UnavailableError),
        ("421 closing", "354 go on", UnavailableError),
    ],
)
def test_what_a_mail_server_refuses(smtp: type[Smtp], rcpt: str, data: str, error: type[Exception]) -> None:
    smtp.rcpt, smtp.data = rcpt, data
    with pytest.raises(error) as failure:
        build(BACKEND="email", TO="ops@example.com").send(TRIGGER)
    assert "ops@example.com" not in str(failure.value)


def test_a_mail_server_that_is_away() -> None:
    with (
        mailing(SMTP, host="127.0.0.1", port=9),
        pytest.raises(UnavailableError, match=r"cannot be reached \(ConnectionRefusedError\)"),
    ):
        build(BACKEND="email", TO="ops@example.com").send(TRIGGER)


def test_the_words_of_a_mail_server_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, messages: object) -> int:
        raise smtplib.SMTPAuthenticationError(535, b"example-password is wrong")

    monkeypatch.setattr(f"{SMTP}.send_messages", refuse)
    with mailing(SMTP), pytest.raises(UnavailableError, match=r"code 535$"):
        build(BACKEND="email", TO="ops@example.com").send(TRIGGER)


def test_a_mail_server_that_hangs_gets_the_time_of_the_receiver() -> None:
    receiver = build(BACKEND="email", TO="ops@example.com", TIMEOUT=1)
    with socketserver.TCPServer(("127.0.0.1", 0), Smtp) as silent:
        settings = mailing(SMTP, host="127.0.0.1", port=silent.server_address[1])
        with settings, pytest.raises(UnavailableError, match=r"TimeoutError|SMTPServerDisconnected"):
            receiver.send(TRIGGER)


def test_apprise_reaches_its_services(listener: Listener) -> None:
    address = f"json://127.0.0.1:{listener.server_port}/example-token"
    receiver = build(BACKEND="apprise", URL=address)
    receiver.send(TRIGGER)
    receiver.send(RESOLVE)
    assert [each.body["type"] for each in listener.posted] == ["failure", "success"]
    assert "Nobody can pay." in listener.posted[0].body["message"]


def test_apprise_that_fails_is_tried_again_and_logs_no_address(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.reply = Reply(500)
    receiver = build(BACKEND="apprise", URL=f"json://127.0.0.1:{listener.server_port}/example-token")
    with caplog.at_level("DEBUG"), pytest.raises(UnavailableError, match="Try the address with the command apprise"):
        receiver.send(TRIGGER)
    assert "example-token" not in caplog.text


def test_a_receiver_never_shows_its_credentials(listener: Listener) -> None:
    for receiver in (pager(listener), build(BACKEND="webhook", URL=listener.url, KEY="example-key")):
        assert repr(receiver) in ("<PagerDuty 'only'>", "<Webhook 'only'>")
        assert "example" not in str(receiver)


def test_a_long_dedup_key_is_cut_and_stays_unique() -> None:
    keys = [build_dedup_key("shop", {"view": "x" * 400 + str(number)}) for number in range(9)]
    assert {len(key) for key in keys} == {255}
    assert len(set(keys)) == 9
    assert build_dedup_key("shop", {"b": "2", "a": "1"}) == "shop{a=1,b=2}"
    assert build_dedup_key("shop", {}) == "shop"


def test_a_summary_is_one_line_of_at_most_1024_characters() -> None:
    assert cut(" a\n\tb ") == "a b"
    assert len(cut("雪" * 2_000)) == 1_024
