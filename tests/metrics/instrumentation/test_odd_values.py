"""What an instrumentation reads of a call and its result may be of any kind: what it measures goes on as without it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from zemanta_ops.metrics.instrumentation import http, tasks
from zemanta_ops.testing import Recorder


class Raising:
    """Raises from every attribute and conversion, as a closed or lazy object may."""

    def __getattr__(self, name: str) -> NoReturn:
        raise ValueError(name)

    def __str__(self) -> NoReturn:
        raise ValueError

    __bool__ = __hash__ = __str__


def send_async(original: Callable[..., Any], session: Any, *args: Any) -> Any:
    async def call(*given: Any) -> Any:
        return original(*given)

    return asyncio.run(http._send_with_async_httpx(call, session, *args))


SENDERS = [http._send_with_requests, http._send_with_httpx, send_async, http._open_with_urllib3]
ODD = [
    Raising(),
    SimpleNamespace(),
    SimpleNamespace(method=None, url=None, status_code=None, status=None),
    SimpleNamespace(method=Raising(), url=Raising(), status_code=Raising(), status=Raising()),
    b"GET",
    7,
]


@pytest.mark.parametrize("send", SENDERS)
@pytest.mark.parametrize("request_", ODD, ids=range(6))
@pytest.mark.parametrize("response", [None, *ODD], ids=range(7))
def test_a_call_gets_its_own_response(
    send: Callable[..., Any], request_: Any, response: Any, captured_metrics: Recorder
) -> None:
    given: list[Any] = []

    def original(*args: Any) -> Any:
        given.append(args)
        return response

    session = Raising()
    assert send(original, session, request_) is response
    assert len(given) == 1 and given[0][0] is session and given[0][1] is request_
    captured_metrics.assert_timing("http.client.duration")


@pytest.mark.parametrize("send", SENDERS)
def test_a_call_raises_its_own_exception(send: Callable[..., Any], captured_metrics: Recorder) -> None:
    def original(*_: Any) -> NoReturn:
        raise LookupError("of the library")

    with pytest.raises(LookupError, match="of the library"):
        send(original, object(), Raising())
    captured_metrics.assert_timing("http.client.duration", status="error", error="LookupError")


def test_bytes_are_read_as_text(captured_metrics: Recorder) -> None:
    request = SimpleNamespace(method=b"get", url=b"http://api.example.com/")
    http._send_with_requests(lambda *_: SimpleNamespace(status_code=204), object(), request)
    captured_metrics.assert_timing("http.client.duration", method="GET", peer="api.example.com", status=204)


AWARE, NAIVE = datetime(2025, 3, 3, 12, tzinfo=timezone.utc), datetime(2025, 3, 3, 12)  # noqa: DTZ001  (of USE_TZ False)
TASK = SimpleNamespace(module_path="shop.bill", queue_name="mail", run_after=AWARE)


@pytest.mark.parametrize(
    "result",
    [
        SimpleNamespace(id="1", task=TASK, backend="default", status="SUCCESSFUL", enqueued_at=NAIVE),
        SimpleNamespace(id=[], task=TASK),
        SimpleNamespace(id="1", task=None, enqueued_at="yesterday"),
        Raising(),
        None,
    ],
    ids=range(5),
)
def test_a_result_of_another_backend_never_ends_its_task(result: Any) -> None:
    receivers = (tasks._count_enqueued, tasks._record_start, tasks._record_duration)
    assert [receiver(task_result=result) for receiver in receivers] == [None, None, None]
    tasks._started.clear()
