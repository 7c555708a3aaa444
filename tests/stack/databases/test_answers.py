"""What each answer of a server, or of something in front of it, is taken for."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from zemanta_ops.stack.databases.errors import DatabaseError
from zemanta_ops.stack.databases.http import Answer, Product, check_answer, describe_tls, encode_basic
from zemanta_ops.stack.databases.influxdb import PRODUCT as INFLUXDB

OWN = {INFLUXDB.header: "1.8.10"}
PAGE = b"x" * 990 + b"<HTML>"
TLS = "the port speaks TLS: the URL should start with https://"
FRONT = "something in front of InfluxDB"
ASKED = "answers with {}: it asks for a user name and a password"


def refuse(status: int, headers: dict[str, str], body: bytes) -> tuple[Any, ...]:
    with pytest.raises(DatabaseError) as caught:
        check_answer(Answer(status, headers, body), INFLUXDB)
    return caught.value.kind, caught.value.status, caught.value.retry_after, str(caught.value)


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_success_of_the_product_is_returned(status: int) -> None:
    answer = Answer(status, OWN, PAGE)
    assert check_answer(answer, INFLUXDB) is answer


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (400, {}, b"400: The plain HTTP request was sent to HTTPS port", ("tls", 400, 0.0, TLS)),
        (400, OWN, b"Client sent an HTTP request to an HTTPS server.", ("tls", 400, 0.0, TLS)),
        (
            401,
            {},
            b"Client sent an HTTP request to an HTTPS server.",
            ("proxy", 401, 0.0, f"{FRONT} answers with status 401"),
        ),
        (300, OWN, b"", ("refused", 300, 0.0, "HTTP status 300")),
        (400, OWN, b'{"message":"no","error":"yes"}', ("refused", 400, 0.0, "no")),
        (400, OWN, b'{"error":7}', ("refused", 400, 0.0, "7")),
        (400, OWN, b'{"other":7}', ("refused", 400, 0.0, '{"other":7}')),
        (400, OWN, b"[1]", ("refused", 400, 0.0, "[1]")),
        (400, OWN, b'"x"', ("refused", 400, 0.0, '"x"')),
        (400, {**OWN, "x-influxdb-error": "in a header"}, b"", ("refused", 400, 0.0, "in a header")),
        (400, {**OWN, "x-influxdb-error": "in a header"}, b" in words\xff\n", ("refused", 400, 0.0, "in words\ufffd")),
        (400, OWN, b"y" * 501, ("refused", 400, 0.0, "y" * 500)),
        (400, OWN, PAGE, ("refused", 400, 0.0, "HTTP status 400")),
        (500, OWN, b"it failed", ("server", 500, 0.0, "it failed")),
        (499, OWN, b"it failed", ("refused", 499, 0.0, "it failed")),
        (401, OWN, b"who", ("unauthorized", 401, 0.0, "who")),
        (403, OWN, b"no", ("forbidden", 403, 0.0, "no")),
        (404, OWN, b"what", ("missing", 404, 0.0, "what")),
        (413, OWN, b"big", ("too_large", 413, 0.0, "big")),
        (429, {**OWN, "retry-after": "7"}, b"slow", ("overloaded", 429, 7.0, "slow")),
        (503, {**OWN, "retry-after": "soon"}, b"busy", ("overloaded", 503, 0.0, "busy")),
        (500, OWN, b"database not found", ("missing", 500, 0.0, "database not found")),
    ],
)
def test_a_failure_of_the_product_is_classified(
    status: int, headers: dict[str, str], body: bytes, expected: tuple[Any, ...]
) -> None:
    assert refuse(status, headers, body) == expected


ASKS = "it asks for a user name and a password"


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (502, {"retry-after": "7"}, PAGE, ("gateway", 7.0, "answers with status 502: it does not reach InfluxDB")),
        (503, {}, b"", ("gateway", 0.0, "answers with status 503: it does not reach InfluxDB, or limits requests")),
        (504, {"retry-after": "x"}, b"", ("gateway", 0.0, "answers with status 504: it does not reach InfluxDB")),
        (300, {}, b"", ("proxy", 0.0, "redirects with status 300")),
        (302, {"location": "https://u:p@sso.example/x/?y"}, b"", ("proxy", 0.0, "redirects with status 302 to https://sso.example/x")),
        (302, {"location": "/login"}, b"", ("proxy", 0.0, "redirects with status 302")),
        (302, {"location": "http://[x"}, b"", ("proxy", 0.0, "redirects with status 302")),
        (400, {"location": "https://sso.example"}, b"", ("proxy", 0.0, "answers with status 400")),
        (429, {"retry-after": "7"}, PAGE, ("overloaded", 7.0, "answers with status 429: too many requests")),
        (413, {}, PAGE, ("too_large", 0.0, "answers with status 413: it accepts no body of this size")),
        (401, {"www-authenticate": "Basic x"}, b"", ("proxy", 0.0, f"answers with status 401: {ASKS}")),
        (401, {"www-authenticate": "Bearer"}, b"", ("proxy", 0.0, "answers with status 401")),
        (200, {}, PAGE, ("proxy", 0.0, "answers with a web page (status 200)")),
        (401, {"www-authenticate": "Basic realm=x"}, b"", ("proxy", 0.0, ASKED.format("status 401"))),
        (401, {"www-authenticate": "BASIC"}, PAGE, ("proxy", 0.0, ASKED.format("a web page (status 401)"))),
        (401, {"www-authenticate": "Bearer"}, b"", ("proxy", 0.0, "answers with status 401")),
        (500, {}, PAGE, ("proxy", 0.0, "answers with a web page (status 500)")),
        (500, {}, b"", ("proxy", 0.0, "answers with status 500")),
    ],
)  # fmt: skip
def test_what_is_in_front_of_the_product_is_named_with_what_it_does(
    status: int, headers: dict[str, str], body: bytes, expected: tuple[Any, ...]
) -> None:
    kind, wait, text = expected
    assert refuse(status, headers, body) == (kind, status, wait, f"{FRONT} {text}")


def test_a_server_without_the_header_is_another_one() -> None:
    text = "the server that answers is not InfluxDB: it sends no X-Influxdb-Version"
    for body in (b"", b"x" * 1000 + b"<html>"):
        assert refuse(299, {}, body) == ("foreign", 299, 0.0, text)
    with pytest.raises(DatabaseError, match="is not Other: it sends no X-Other"):
        check_answer(Answer(200, OWN, b""), Product("Other", "x-other"))


@pytest.mark.parametrize(("body", "read"), [(b'{"a":1}', {"a": 1}), (b"{}", {}), (b"[]", None), (b"no", None)])
def test_only_a_json_object_is_an_answer(body: bytes, read: dict[str, Any] | None) -> None:
    if read is not None:
        assert Answer(200, {}, body).read_json("Example") == read
        return
    with pytest.raises(DatabaseError) as caught:
        Answer(206, {}, body).read_json("Example")
    raised = caught.value
    assert (raised.kind, raised.status, str(raised)) == (
        "foreign",
        206,
        "the answer is not the JSON that Example sends",
    )


def fail_tls(reason: str | None, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, "text")
    error.reason = reason  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionResetError("example"), "TLS failed (ConnectionResetError)"),
        (fail_tls("WRONG_VERSION_NUMBER"), "the port does not speak TLS: the URL should start with http://"),
        (fail_tls("RECORD_LAYER_FAILURE"), "the port does not speak TLS: the URL should start with http://"),
        (fail_tls("TLSV1_ALERT_INTERNAL_ERROR"), "TLS failed (tlsv1 alert internal error)"),
        (fail_tls(None, ssl.SSLEOFError), "TLS failed (ssleoferror)"),
    ],
)
def test_a_failure_of_tls_is_reported_in_words(error: Exception, text: str) -> None:
    assert describe_tls(error) == text


def test_a_certificate_that_is_not_accepted_is_reported_with_the_reason() -> None:
    error = fail_tls("CERTIFICATE_VERIFY_FAILED", ssl.SSLCertVerificationError)
    error.verify_message = "certificate has expired"  # type: ignore[attr-defined]
    assert describe_tls(error) == "the certificate is not accepted: certificate has expired"


def test_credentials_are_encoded_with_every_character() -> None:
    assert encode_basic("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert encode_basic("é", "") == "Basic w6k6"
    assert encode_basic("", "ignored") == ""


@pytest.mark.parametrize(
    ("status", "body", "hidden"),
    [
        (200, b"", True),
        (299, b"text", True),
        (200, PAGE, False),
        (300, b"{}", False),
        (399, b"{}", False),
        (400, b" {}", True),
        (400, b"text", False),
    ],
)
def test_a_proxy_may_have_removed_the_header_of_an_answer(status: int, body: bytes, hidden: bool) -> None:
    assert Answer(status, {}, body).could_be_hidden() is hidden
