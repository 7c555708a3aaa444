"""Tasks done by real Celery prefork workers equal tasks counted by a real Telegraf, recycled workers among them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.metrics.lifecycle.collector import Collector
from tests.metrics.lifecycle.serving import MODULE, NEVER, environment
from tests.servers.fixtures import StartTelegraf
from tests.servers.process import Server, wait_until

TASKS = 40


@pytest.mark.second_tier
@pytest.mark.parametrize("options", [[], ["--max-tasks-per-child", "7"]], ids=["kept", "recycled"])
def test_prefork_workers_send_before_they_end(
    options: list[str], start_telegraf: StartTelegraf, tmp_path: Path, server_stack: ExitStack
) -> None:
    collector = Collector(start_telegraf, tmp_path)
    folder = tmp_path / "broker"
    folder.mkdir()
    variables = environment(collector.port, NEVER, LIFECYCLE_BROKER=str(folder))
    send = f"from {MODULE} import work; [work.delay() for _ in range({TASKS})]"
    subprocess.run([sys.executable, "-c", send], check=True, env={**os.environ, **variables}, timeout=120)
    command = [sys.executable, "-m", "celery", "-A", f"{MODULE}:celery", "worker", "--pool", "prefork"]
    command += ["--concurrency", "2", "--loglevel", "INFO", *options]
    worker = Server("celery", command, tmp_path, None, variables)
    server_stack.callback(worker.stop)
    worker.start()
    assert wait_until(lambda: worker.log().count("succeeded in") == TASKS)
    worker.stop()
    assert collector.reaches("worked", TASKS)
    assert collector.kernel_drops() == 0
