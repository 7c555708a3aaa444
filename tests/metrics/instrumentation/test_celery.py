"""Celery with a real worker: in a thread over the memory transport, and as a prefork process over the file system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest.mock import patch

import pytest
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker

from tests.metrics.agents import agent, wait_until
from zemanta_ops.metrics.instrumentation import celery
from zemanta_ops.testing import Recorder

app = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
app.conf.broker_transport_options = {"polling_interval": 0.02}


@app.task(name="shop.bill")
def bill(amount: int) -> int:
    if amount < 0:
        raise ValueError
    return amount


def _keep_logging(**_: object) -> None:
    pass


@pytest.fixture(scope="module")
def worker() -> Iterator[None]:
    # The worker runs in this process, whose logging is pytest's: with a receiver, Celery leaves it alone.
    signals.setup_logging.connect(_keep_logging)
    # A worker also sets variables of the environment.
    with patch.dict(os.environ), start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        yield
    signals.setup_logging.disconnect(_keep_logging)


@pytest.fixture(autouse=True)
def installed() -> None:
    celery.install()
    celery.install()


def wait_for(recorder: Recorder, name: str) -> None:
    assert wait_until(lambda: bool(recorder.find(name)))


def test_a_task_is_counted_and_timed_once(worker: None, captured_metrics: Recorder) -> None:
    assert bill.delay(5).get(timeout=20) == 5
    wait_for(captured_metrics, "celery.task.duration")
    for name in ("celery.task.published", "celery.task.wait", "celery.task.duration"):
        assert len(captured_metrics.find(name, task="shop.bill", queue="celery")) == 1
    captured_metrics.assert_timing("celery.task.duration", outcome="success")


def test_a_failing_task(worker: None, captured_metrics: Recorder) -> None:
    bill.delay(-1).get(timeout=20, propagate=False)
    wait_for(captured_metrics, "celery.task.duration")
    captured_metrics.assert_timing("celery.task.duration", outcome="failure")


def test_a_delayed_task_waits_from_the_moment_it_was_due(worker: None, captured_metrics: Recorder) -> None:
    bill.apply_async((1,), eta=datetime.now(timezone.utc) + timedelta(seconds=1)).get(timeout=20)
    wait_for(captured_metrics, "celery.task.wait")
    (record,) = captured_metrics.find("celery.task.wait")
    assert record.value < 900


def test_a_task_that_is_called_in_place_has_no_wait(captured_metrics: Recorder) -> None:
    bill.apply((1,))
    captured_metrics.assert_timing("celery.task.duration", task="shop.bill", queue=None)
    captured_metrics.assert_not_emitted("celery.task.wait")


def test_removed_twice_measures_no_more(captured_metrics: Recorder) -> None:
    celery.uninstall()
    celery.uninstall()
    bill.apply((1,))
    captured_metrics.assert_not_emitted("celery.task.duration")


PROJECT = """
from celery import Celery
from django.conf import settings
settings.configure(ZEMANTA_OPS={{"METRICS": {{
    "ENABLED": True, "PORT": {port}, "HOST_TAG": None, "FLUSH_SECONDS": 3600, "INSTRUMENT": ["celery"]}}}},
    INSTALLED_APPS=["zemanta_ops"])
import django
django.setup()
app = Celery("shop", broker="filesystem://", broker_transport_options={{
    "data_folder_in": "{folder}", "data_folder_out": "{folder}", "control_folder": "{folder}",
    "polling_interval": 0.05}},
    worker_concurrency=2, worker_prefetch_multiplier=1)

@app.task(name="shop.bill")
def bill():
    pass
"""


def start_prefork_worker(folder: Path, port: int) -> subprocess.Popen[str]:
    (folder / "queue").mkdir()
    (folder / "shop.py").write_text(PROJECT.format(port=port, folder=folder / "queue"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    publish = "import shop\nfor _ in range(20): shop.bill.delay()"
    subprocess.run([sys.executable, "-c", publish], env=environment, check=True, cwd=folder, timeout=60)
    command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "--pool=prefork", "--loglevel=INFO"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]  # there are no other workers
    with (folder / "log").open("w") as log:
        return subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, text=True)


@pytest.mark.more
def test_prefork_workers_send_what_they_hold_when_they_end(tmp_path: Path) -> None:
    """With a flush interval of an hour, everything that arrives was sent at shutdown."""
    with agent() as listener:
        process = start_prefork_worker(tmp_path, listener.port)
        try:
            wait_until(lambda: (tmp_path / "log").read_text().count("succeeded") >= 20, seconds=60)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        counts = Counter[str]()
        for sample in listener.samples():
            counts[sample.name] += int(sample.value) if sample.kind == "c" else 1
    assert counts["celery.task.published"] == 20
    assert counts["celery.task.duration"] == 20, (tmp_path / "log").read_text()
    assert counts["celery.task.wait"] == 20
