"""Nothing of the demo survives it, whatever ends it: no process, no file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from example_project.demo import cleanup
from tests.e2e.readme import page
from tests.servers import cache
from tests.servers.process import wait_until

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120.0
pytestmark = [pytest.mark.more, pytest.mark.usefixtures("without_coverage")]

if not Path("/proc/self/environ").exists():
    pytest.skip("finds processes by their environment in /proc", allow_module_level=True)


def find_processes(folder: Path) -> list[str]:
    """Return the command lines of the processes that have the folder in their environment."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            if each.name.isdecimal() and os.fsencode(folder) in (each / "environ").read_bytes():
                found.append((each / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@contextmanager
def live_demo(temporary: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], str]]]:
    """Run ``--live`` in a process group of its own, as a shell does; yield the process and what it has printed."""
    printed = temporary.parent / "printed.txt"
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "example_project.demo", "--live"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary), **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process, lambda: printed.read_text(encoding="utf-8")
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def kill_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    os.killpg(process.pid, number)


def kill_parent(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    process.send_signal(number)


def interrupt_twice(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    kill_group(process, number)
    time.sleep(0.3)
    kill_group(process, number)


@pytest.mark.parametrize(
    ("end", "number"),
    [
        (kill_group, signal.SIGINT),
        pytest.param(interrupt_twice, signal.SIGINT, marks=pytest.mark.more),
        pytest.param(kill_parent, signal.SIGTERM, marks=pytest.mark.more),
        pytest.param(kill_group, signal.SIGHUP, marks=pytest.mark.more),
        (kill_parent, signal.SIGKILL),
    ],
)
def test_nothing_of_a_running_site_survives(
    end: Callable[[subprocess.Popen[bytes], signal.Signals], None], number: signal.Signals, temporary: Path
) -> None:
    with live_demo(temporary, **{cache.ENV: str(temporary / "no servers")}) as (process, read):
        assert wait_until(lambda: "Ctrl-C ends it" in read() or process.poll() is not None, SECONDS)
        page(re.findall(r"the site +(http\S+)", read())[0])
        assert len(find_processes(temporary)) >= 5, "gunicorn and two workers, uvicorn, and what cleans up"
        end(process, number)
        process.wait(SECONDS)

        assert wait_until(lambda: not find_processes(temporary), SECONDS), find_processes(temporary)
        assert wait_until(lambda: not any(temporary.iterdir()), SECONDS)
        assert "Traceback" not in read()


@pytest.mark.parametrize(
    ("step", "started", "number"),
    [
        ("Starting InfluxDB", "influxd", signal.SIGKILL),
        pytest.param("Starting the site", "gunicorn", signal.SIGKILL, marks=pytest.mark.more),
        pytest.param("Encrypting", "zemanta_ops.secrets encrypt", signal.SIGTERM, marks=pytest.mark.more),
    ],
)
def test_nothing_survives_that_is_only_being_started(
    step: str, started: str, number: signal.Signals, temporary: Path
) -> None:
    if step not in ("Encrypting", "Starting the site") and not cache.installed("influxdb1"):
        pytest.skip("InfluxDB is not installed")
    with live_demo(temporary) as (process, read):
        assert wait_until(lambda: step in read(), SECONDS, every=0.005)
        # In the middle of it: a process of this step runs.
        assert wait_until(lambda: any(started in each for each in find_processes(temporary)), SECONDS, every=0.005)
        process.send_signal(number)
        process.wait(SECONDS)

        assert wait_until(lambda: not find_processes(temporary), SECONDS), find_processes(temporary)
        assert wait_until(lambda: not any(temporary.iterdir()), SECONDS)


def test_a_process_that_starts_while_the_others_are_ended_ends_too(temporary: Path) -> None:
    asked = temporary.parent / "asked"
    stubborn = f"trap 'touch {asked}' TERM; touch {temporary}/ready; while :; do sleep 1; done"
    watcher = cleanup.start_watching(temporary)
    assert watcher.stdin
    with subprocess.Popen(cleanup.build_launch(temporary, ["sh", "-c", stubborn])) as first:
        assert wait_until((temporary / "ready").exists, SECONDS)
        watcher.stdin.close()
        assert wait_until(asked.exists, SECONDS)
        with subprocess.Popen(cleanup.build_launch(temporary, ["sleep", "20"])) as late:
            assert late.wait(SECONDS), "it slept to its end"
        assert first.wait(SECONDS) == -signal.SIGKILL
    watcher.wait(SECONDS)
    assert not temporary.exists()


def test_a_process_that_starts_when_the_run_is_cleaned_up_does_not_run(temporary: Path) -> None:
    watcher = cleanup.start_watching(temporary)
    assert watcher.stdin
    watcher.stdin.close()
    watcher.wait(SECONDS)
    ran = temporary.parent / "ran"
    assert subprocess.run(cleanup.build_launch(temporary, ["touch", ran]), check=False).returncode == 1
    assert not ran.exists()
