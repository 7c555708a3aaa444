"""The core of metrics and secrets on a system such as Windows, without fork, most signals and UNIX sockets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.process import untraced
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options

pytestmark = pytest.mark.more

SUITES = [
    "tests/metrics/delivery/test_buffer.py",
    "tests/metrics/delivery/test_transports.py",
    "tests/metrics/series",
    "tests/metrics/test_client.py",
    "tests/metrics/test_middleware.py",
    "tests/secrets/test_config.py",
    "tests/secrets/test_modes.py",
    "tests/secrets/test_resolve.py",
    "tests/secrets/test_secret.py",
    "tests/secrets/test_wire.py",
]
# These send a signal or fork themselves.
POSIX_TESTS = [
    "test_signal_handlers_and_finalizers_may_emit",
    "test_a_child_does_not_wait_for_a_decryption_of_its_parent",
]
RUN = [sys.executable, "-m", "tests.metrics.without_posix", "-q", "-x", "-p", "no:cacheprovider"]


def test_the_core_suites_pass_without_the_names_that_only_posix_systems_have(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    chosen = [f"--basetemp={tmp_path / 'base'}", "-k", " and ".join(f"not {name}" for name in POSIX_TESTS), *SUITES]
    run = subprocess.run(
        [*RUN, *chosen], cwd=root, env=untraced(), capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_client_without_fork_needs_no_system_call_to_notice_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.fork")
    monkeypatch.delattr("os.register_at_fork")
    client = Client(Options(flush_seconds=60))
    client.incr("n")
    assert client.queue.mark == [1]
    client.close()
