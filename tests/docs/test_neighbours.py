"""The page on other packages: its code runs, with the real packages, and does what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator  # type: ignore[import-untyped]
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from tests.docs.tables import DOCS
from tests.metrics.agents import agent, counted
from zemanta_ops.metrics.middleware import RequestMetricsMiddleware
from zemanta_ops.testing import Recorder

TEXT = (DOCS / "neighbours.rst").read_text(encoding="utf-8")


def run(comment: str, number: int = 0) -> dict[str, Any]:
    """Run a code block that begins with a comment, and return its names."""
    blocks = re.findall(rf"code-block:: python\n\n(    # {re.escape(comment)}\n(?:    .*\n|\n)+)", TEXT)
    names: dict[str, Any] = {"__name__": "shop"}
    exec(textwrap.dedent(blocks[number]), names)
    return names


@pytest.fixture
def tags_module() -> Iterator[None]:
    module = types.ModuleType("shop_tags_of_the_page")
    vars(module).update(run("shop/tags.py"))
    sys.modules["shop_tags_of_the_page"] = module
    yield
    del sys.modules["shop_tags_of_the_page"]


@pytest.mark.usefixtures("tags_module")
def test_the_function_adds_its_tags(captured_metrics: Recorder) -> None:
    assert run("settings.py")["ZEMANTA_OPS"] == {"METRICS": {"REQUEST_TAGS": "shop.tags.request_tags"}}
    request = RequestFactory().get("/api/jobs/")
    request.user = SimpleNamespace(plan="pro")  # type: ignore[assignment]
    with override_settings(ZEMANTA_OPS={"METRICS": {"REQUEST_TAGS": "shop_tags_of_the_page.request_tags"}}):
        RequestMetricsMiddleware(lambda _: HttpResponse(headers={"Age": "1"}))(request)
        RequestMetricsMiddleware(lambda _: HttpResponse())(RequestFactory().get("/"))
    first, second = (dict(record.tags) for record in captured_metrics.find("http.request.count"))
    assert (first["plan"], first["api"], first["cached"]) == ("pro", "true", "true")
    assert ("plan" in second, second["api"], second["cached"]) == (False, "false", "false")


@pytest.mark.parametrize(
    ("excluded", "expected"),
    [(True, [("named", "200")]), (False, [("named", "200"), ("middleware", "200"), ("unresolved", "404")])],
)
def test_whitenoise(
    excluded: bool, expected: list[tuple[str, str]], captured_metrics: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "site.css").write_text("body {}")
    given = run("settings.py", 1)
    settings = given["ZEMANTA_OPS"] if excluded else {}
    with override_settings(
        MIDDLEWARE=given["MIDDLEWARE"],
        ZEMANTA_OPS=settings,
        ROOT_URLCONF="tests.metrics.site",
        STATIC_URL="/static/",
        STATIC_ROOT=str(tmp_path),
        TEMPLATES=[],
    ):
        for path in ("/named/", "/static/site.css", "/static/absent.css"):
            b"".join(Client().get(path))  # which closes a file
    counted = [(record.tags["view"], record.tags["status"]) for record in captured_metrics.find("http.request.count")]
    assert counted == expected


@pytest.mark.django_db
async def test_channels(captured_metrics: Recorder) -> None:
    consumer: Any = run("shop/consumers.py")["Chat"]
    communicator = WebsocketCommunicator(consumer.as_asgi(), "/chat/")
    assert (await communicator.connect())[0]
    await communicator.send_json_to({"text": "hello"})
    assert await communicator.receive_json_from() == {"heard": {"text": "hello"}}
    await communicator.disconnect(code=1001)
    captured_metrics.assert_incr("chat.connected", 1)
    captured_metrics.assert_timing("chat.message")
    captured_metrics.assert_incr("chat.disconnected", 1, code="1001")
    captured_metrics.assert_not_emitted("http.request.count")


RQ_WORKER = """
import os, sys, types
class Worker:
    def perform_job(self, job, fails=False):
        job()
        if fails:
            raise ValueError("on purpose")
    def execute_job(self, *args):
        if (pid := os.fork()) == 0:
            try:
                self.perform_job(*args)
            except ValueError:
                os._exit(1)
            os._exit(0)
        os.waitpid(pid, 0)
sys.modules["rq"] = types.SimpleNamespace(Worker=Worker)
from django.conf import settings
settings.configure()
"""
RQ_JOBS = """
work = lambda: metrics.incr("job")
metrics.incr("started")
for fails in (False, True, False):
    MetricsWorker().execute_job(work, fails)
"""


@pytest.mark.parametrize(("worker", "jobs"), [("MetricsWorker", 3), ("Worker", 0)])
def test_rq(worker: str, jobs: int) -> None:
    # Only what matters of RQ, which needs a Redis: a process for each job, that ends without exit functions.
    (block,) = re.findall(r"    # shop/workers.py\n(?:    .*\n|\n)+", TEXT)
    code = RQ_WORKER + textwrap.dedent(block) + RQ_JOBS.replace("MetricsWorker", worker)
    with agent() as listener:
        given = {"ZEMANTA_OPS_METRICS_PORT": str(listener.port), "ZEMANTA_OPS_METRICS_FLUSH_SECONDS": "3600"}
        command = [sys.executable, "-W", "ignore", "-c", code]
        subprocess.run(command, env={**os.environ, **given}, check=True, timeout=60)
        assert (counted(listener, "started"), counted(listener, "job")) == (1, jobs)
