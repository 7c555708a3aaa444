"""What an answer of VictoriaMetrics or Prometheus, or of something in front of it, is taken for."""

from __future__ import annotations

import pytest

from tests.stack.answering import Answer
from tests.stack.databases.promql_servers import connected, fail, failing, prometheus, victoria
from zemanta_ops.stack.databases import DatabaseError, Point

FRONT = "something in front of"
STRANGER = "the server that answers is not VictoriaMetrics: it sends no X-Server-Hostname"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (failing(401, "who", ""), ("unauthorized", 401, "who")),
        (failing(403, "no", ""), ("forbidden", 403, "no")),
        (failing(401, "<html>", ""), ("proxy", 401, f"{FRONT} VictoriaMetrics answers with a web page (status 401)")),
        (failing(502, "no"), ("gateway", 502, "vmauth does not reach any of its backends")),
        (failing(504, "no"), ("gateway", 504, "vmauth does not reach any of its backends")),
        (failing(503, "busy"), ("overloaded", 503, "busy")),
        (
            failing(502, "no", ""),
            ("gateway", 502, f"{FRONT} VictoriaMetrics answers with status 502: it does not reach VictoriaMetrics"),
        ),
        (failing(200, "", ""), ("foreign", 200, STRANGER)),
    ],
)
def test_an_answer_of_victoriametrics_is_taken_for_what_it_is(answer: Answer, expected: tuple[str, int, str]) -> None:
    with connected(victoria, answer) as (database, _):
        assert fail(database.verify) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (failing(422, ' {"error":"bad query"}', ""), ("refused", 422, "bad query")),
        (failing(300, '{"error":"x"}', ""), ("refused", 300, "x")),
        (failing(401, "who", ""), ("unauthorized", 401, "who")),
        (failing(401, "<html>", ""), ("unauthorized", 401, "HTTP status 401")),
        (
            failing(302, "", "", Location="https://sso.example"),
            ("proxy", 302, f"{FRONT} Prometheus redirects with status 302 to https://sso.example"),
        ),
        (failing(404, "no", ""), ("proxy", 404, f"{FRONT} Prometheus answers with status 404")),
        (failing(200, "<html>", ""), ("proxy", 200, f"{FRONT} Prometheus answers with a web page (status 200)")),
        (
            failing(400, '{"error":"<html"}', ""),
            ("proxy", 400, f"{FRONT} Prometheus answers with a web page (status 400)"),
        ),
    ],
)
def test_an_answer_of_prometheus_is_taken_for_what_it_is(answer: Answer, expected: tuple[str, int, str]) -> None:
    with connected(prometheus, answer) as (database, _):
        assert fail(database.verify) == expected


def test_prometheus_waits_as_long_as_it_is_asked_to() -> None:
    with connected(prometheus, failing(503, "{}", "", Retry_After="7")) as (database, _):
        with pytest.raises(DatabaseError) as caught:
            database.verify()
        assert (caught.value.kind, caught.value.retry_after) == ("overloaded", 7.0)
        assert fail(lambda: database.write([Point("m", {"f": 1.5})])) == (
            "read_only",
            0,
            "Prometheus has no line protocol: only Telegraf writes to it",
        )
