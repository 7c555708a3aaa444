"""What processes without a server count is counted once by a real Telegraf, however they fork and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.metrics.lifecycle.collector import Collector
from tests.metrics.lifecycle.serving import MODULE, NEVER, environment
from tests.servers.fixtures import StartTelegraf

SETUP = """
import os, signal, sys, warnings
from django.conf import settings
warnings.simplefilter("ignore", DeprecationWarning)  # forks with a thread running, on purpose
settings.configure()
from zemanta_ops import metrics

def work(number=1):
    for _ in range(number):
        metrics.incr("done")
        metrics.timing("took", 0.001)
"""

ENDS: dict[str, tuple[str, int]] = {
    "by itself": ("work(10)", 0),
    "by an exception": ("work(10); raise RuntimeError('on purpose')", 1),
    "by sys.exit": ("work(10); sys.exit(3)", 3),
    "by Ctrl-C": (
        # If the tests run in the background, their children are born deaf to it.
        "signal.signal(signal.SIGINT, signal.default_int_handler); work(10); signal.raise_signal(signal.SIGINT)",
        -signal.SIGINT,
    ),
    "by a SIGTERM that it handles": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(4)); work(10); signal.raise_signal(signal.SIGTERM)",
        4,
    ),
    "while another thread still counts": (
        "import threading; threading.Thread(target=work, args=[10]).start()",
        0,
    ),
    "while signals interrupt its end": (
        """
        import atexit
        alarms = iter(range(3))
        def interrupt(*_):
            if next(alarms, None) is None:
                signal.setitimer(signal.ITIMER_REAL, 0)
            else:
                sys.exit()
        signal.signal(signal.SIGALRM, interrupt)
        os.environ["ZEMANTA_OPS_METRICS_MAX_NAMES"] = "100000"
        for number in range(20_000):
            metrics.incr(f"filler{number}")
        work(10)
        atexit.register(signal.setitimer, signal.ITIMER_REAL, 0.02, 0.02)
        """,
        0,
    ),
    "from atexit": ("import atexit; work(4); atexit.register(work, 6)", 0),
    "from atexit alone": ("import atexit; atexit.register(work, 10)", 0),
    "from a finalizer alone": ("import weakref; weakref.finalize(work, work, 10)", 0),
}

FORKS: dict[str, tuple[str, int]] = {
    "full buffers": (
        """
        work(5000)
        children = []
        for _ in range(4):
            pid = os.fork()
            if not pid:
                work(1000)
                sys.exit()
            children.append(pid)
        work(500)
        for pid in children:
            os.waitpid(pid, 0)
        """,
        9500,
    ),
    "a child that forks": (
        """
        work(10)
        if not os.fork():
            work(20)
            if not os.fork():
                work(30)
                sys.exit()
            os.wait()
            sys.exit()
        os.wait()
        """,
        60,
    ),
    "a pool": (
        """
        import multiprocessing
        work(10)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.map(work, [5] * 20)
            pool.close()
            pool.join()
        """,
        110,
    ),
    "an executor": (
        """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        work(10)
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
            list(pool.map(work, [5] * 20))
        """,
        110,
    ),
}


@pytest.fixture
def collector(start_telegraf: StartTelegraf, tmp_path: Path) -> Collector:
    return Collector(start_telegraf, tmp_path)


def run(collector: Collector, code: str, *arguments: str, **variables: str) -> int:
    """Run Python code with the agent's address, and return how it ended."""
    env = {**os.environ, **environment(collector.port, NEVER, **variables)}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=env, timeout=120, check=False, capture_output=True
    ).returncode


@pytest.mark.parametrize(("body", "code"), ENDS.values(), ids=ENDS.keys())
def test_a_process_ends(body: str, code: int, collector: Collector) -> None:
    assert run(collector, SETUP + textwrap.dedent(body)) == code
    assert collector.reaches("done", 10)


@pytest.mark.parametrize("sooner", ["", "work(4)"])
def test_a_function_that_was_registered_for_the_end_before_the_import_counts(sooner: str, collector: Collector) -> None:
    first = f"import atexit; atexit.register(lambda: work({6 if sooner else 10}))\n"
    assert run(collector, first + SETUP + sooner) == 0
    assert collector.reaches("done", 10)
    assert collector.kernel_drops() == 0


@pytest.mark.parametrize(("body", "number"), FORKS.values(), ids=FORKS.keys())
def test_a_process_forks(body: str, number: int, collector: Collector) -> None:
    assert run(collector, SETUP + textwrap.dedent(body)) == 0
    assert collector.reaches("done", number)
    assert collector.kernel_drops() == 0


@pytest.mark.parametrize(("command", "code"), [("check", 0), ("nonsense", 1)])
def test_a_management_command_that_ends_at_once(command: str, code: int, collector: Collector) -> None:
    manage = f"import sys, {MODULE}; from django.core.management import execute_from_command_line as run; run(sys.argv)"
    assert run(collector, manage, command, ZEMANTA_OPS_METRICS_INSTRUMENT="commands") == code
    assert collector.reaches("loaded", 1)
