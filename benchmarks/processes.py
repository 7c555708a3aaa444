"""The measures that need processes of their own: memory, a burst, gunicorn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import alternating, registry, site
from benchmarks.peers import BARE
from benchmarks.sink import Sink

START_SECONDS = 60.0
BURST_SECONDS = 300.0


def memory(names: Sequence[str], requests: int) -> dict[str, Any]:
    """Serve this many requests with the flusher at its default interval; return the memory along the way, in KiB.

    Only of the first name: what one peer holds is not told apart from what another does.
    """
    sink = Sink()
    [peer] = registry.set_up(names[:1], sink.port, FLUSH_SECONDS=1.0)
    request = site.wsgi(peer.middleware)
    step = max(1, requests // 20)
    samples = []
    for number in range(1, requests + 1):
        request()
        if number % 1_000 == 0:
            sink.drain()
        if number % step == 0:
            alternating.progress(f"memory, {peer.name}: {number} of {requests}")
            samples.append(_resident())
    warm = samples[len(samples) // 4]
    return {"requests": requests, "warm": warm, "end": samples[-1], "growth": samples[-1] - warm, "samples": samples}


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def burst(name: str, processes: int, increments: int) -> dict[str, Any]:
    """Let processes emit as fast as they can; return what arrived, what the peer dropped, and what the kernel did."""
    sink = Sink()
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.processes", name, str(sink.port), str(increments)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    deadline = time.monotonic() + BURST_SECONDS
    while any(process.poll() is None for process in running):
        sink.drain()
        time.sleep(0.0005)
        if time.monotonic() > deadline:
            for process in running:
                process.kill()
    dropped = sum(json.loads(process.communicate()[0]) for process in running)
    sink.drain()
    return {
        "sent": processes * increments,
        "arrived": sink.counted,
        "dropped": dropped,
        "kernel": sink.kernel_drops(),
        "datagrams": sink.datagrams,
    }


def emit_burst(name: str, port: int, increments: int) -> int:
    """Emit, flush, and return how many samples the peer reports as dropped."""
    [peer] = registry.set_up([name], port, FLUSH_SECONDS=1.0)
    peer.emits["incr"](["burst"] * increments)
    peer.flush()
    return sum(peer.dropped().values())


def gunicorn(names: Sequence[str], turns: int, requests: int) -> dict[str, Any]:
    """Return the worker's CPU a request in microseconds, and throughput as a ratio to bare: by CPU, by the clock."""
    sink = Sink()
    cpu: list[alternating.Turn] = []
    clock: list[alternating.Turn] = []
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_served(name, sink.port)) for name in names}
        for turn in alternating.counted(turns, "gunicorn"):
            cpu.append({})
            clock.append({})
            for name in alternating.order(list(names), turn):
                url, master = servers[name]
                spent, start = _nanoseconds(master), time.perf_counter()
                for _ in range(requests):
                    _get(url)
                clock[-1][name] = time.perf_counter() - start
                cpu[-1][name] = (_nanoseconds(master) - spent) / 1e9
                sink.drain()
    ratios = alternating.ratios(cpu[1:], BARE), alternating.ratios(clock[1:], BARE)
    return {
        name: {
            "microseconds": alternating.summary([turn[name] / requests * 1e6 for turn in cpu[1:]])["median"],
            "throughput": alternating.summary([1 / ratio for ratio in ratios[0][name]]),
            "clock": alternating.summary([1 / ratio for ratio in ratios[1][name]]),
        }
        for name in names
    }


@contextmanager
def _served(name: str, port: int) -> Iterator[tuple[str, int]]:
    """Run gunicorn with one sync worker; give the address of a page and the process id."""
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn", "--workers", "1", "--bind", "127.0.0.1:0"]
    environment = {**os.environ, "BENCHMARK_PEER": name, "BENCHMARK_PORT": str(port)}
    with (
        TemporaryDirectory() as sockets,
        subprocess.Popen(
            [*command, "benchmarks.served:application"],
            env={**environment, "XDG_RUNTIME_DIR": sockets},
            stderr=subprocess.PIPE,
            text=True,
        ) as server,
    ):
        try:
            assert server.stderr
            said = (line.split("Listening at: ")[1].split()[0] for line in server.stderr if "Listening at: " in line)
            address = next(said, None)
            assert address, f"gunicorn does not start with {name}: pip install --group bench"
            url, deadline = f"{address}/shop/article/7/", time.monotonic() + START_SECONDS
            while not _answers(url):
                assert time.monotonic() < deadline, f"gunicorn does not answer with {name}"
            yield url, server.pid
        finally:
            server.terminate()
            server.communicate()


def _answers(url: str) -> bool:
    try:
        return _get(url) == b"ok"
    except OSError:
        time.sleep(0.05)
        return False


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=START_SECONDS) as response:
        body: bytes = response.read()
    return body


def _nanoseconds(master: int) -> int:
    """Return the CPU time of a server's workers, all their threads together."""
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    tasks = [task for pid in workers for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(Path(task, "schedstat").read_text().split()[0]) for task in tasks)


if __name__ == "__main__":
    print(emit_burst(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
