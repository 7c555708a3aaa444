"""The requests of a run: of every kind, sent over HTTP, each answer compared with what it should be."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import httpx

THREADS = 12


@dataclass(frozen=True, order=True)
class Request:
    """What the metrics should call a request."""

    method: str
    view: str
    status: str


@dataclass(frozen=True)
class Visit:
    """A page to ask for, how often, on which server, and how the metrics should call it.

    ``inner`` is the request that the site sends while it answers: from gunicorn's half to uvicorn's.
    """

    path: str
    counted: Request
    times: int
    asgi: bool = False
    form: tuple[tuple[str, str], ...] = ()
    inner: Request | None = None


def _get(path: str, view: str, times: int, status: str = "200", *, asgi: bool = False) -> Visit:
    return Visit(path, Request("GET", view, status), times, asgi)


FORM_PATH = "/jobs/new/"
FORM_PAGE = Request("GET", "job-create", "200")
POSTS = Visit(
    FORM_PATH, Request("POST", "job-create", "302"), 24, form=(("title", "A poster for the fair"), ("pages", "2"))
)
DETAILS = _get("/jobs/1/", "job-detail", 60)
MIRROR = Visit("/mirror/", Request("GET", "mirror", "200"), 20, inner=Request("GET", "api_summary", "200"))
REPORT = _get("/report/", "report", 14)
# How many jobs of the fixture wait; each form that is sent adds one.
WAITING = 3
VISITS = (
    _get("/", "home", 90),
    _get("/jobs/", "job-list", 60),
    _get("/jobs/", "job-list", 40, asgi=True),
    DETAILS,
    POSTS,
    MIRROR,
    _get("/stream/", "stream", 30),
    _get("/slow/?ms=120", "slow", 16),
    REPORT,
    _get("/fail/", "fail", 12, "500"),
    _get("/jobs/999999/", "job-detail", 10, "404"),
    _get("/nowhere/", "unresolved", 15, "404"),
    _get("/async/", "async-counts", 60, asgi=True),
    _get("/async/parallel/", "async-parallel", 60, asgi=True),
    _get("/async/stream/", "async-stream", 30, asgi=True),
    _get("/nowhere/", "unresolved", 10, "404", asgi=True),
)


def expected(visits: Iterable[Visit] = VISITS) -> Counter[Request]:
    """Return how often each request should be counted; the form's page is fetched once, for its cookie."""
    counts = Counter({FORM_PAGE: 1})
    for visit in visits:
        counts[visit.counted] += visit.times
        if visit.inner:
            counts[visit.inner] += visit.times
    return counts


def send(wsgi: str, asgi: str, seconds: float, visits: Iterable[Visit] = VISITS) -> list[str]:
    """Send all visits to the two servers, mixed, spread over ``seconds``; return what went wrong."""
    order = list(chain.from_iterable([visit] * visit.times for visit in visits))
    random.Random(1).shuffle(order)
    with httpx.Client(timeout=15, limits=httpx.Limits(max_connections=THREADS)) as client:
        client.get(wsgi + FORM_PATH).raise_for_status()
        with ThreadPoolExecutor(THREADS) as pool:
            sent = [
                pool.submit(_send_one, client, asgi if visit.asgi else wsgi, visit) for visit in _paced(order, seconds)
            ]
        return sorted({problem for each in sent if (problem := each.result())})


def _paced(order: list[Visit], seconds: float) -> Iterator[Visit]:
    start = time.monotonic()
    for number, visit in enumerate(order):
        time.sleep(max(0.0, start + seconds * number / len(order) - time.monotonic()))
        yield visit


def _send_one(client: httpx.Client, url: str, visit: Visit) -> str | None:
    form = {**dict(visit.form), "csrfmiddlewaretoken": client.cookies.get("csrftoken") or ""} if visit.form else None
    try:
        answer = client.request(visit.counted.method, url + visit.path, data=form)
    except httpx.HTTPError as error:
        return f"{visit.path}: {type(error).__name__}"
    if str(answer.status_code) != visit.counted.status:
        return f"{visit.path}: answered {answer.status_code} instead of {visit.counted.status}"
    return None
