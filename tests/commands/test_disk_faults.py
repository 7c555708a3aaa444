"""A database whose disk is full: a small tmpfs, which only root can mount."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.commands.faults import found, speaks, started
from tests.servers.fixtures import StartTelegraf, require, run
from tests.servers.http import HttpError
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.process import wait_until
from tests.servers.stores import Store, store_of_1, store_of_2, store_of_victoriametrics
from tests.servers.victoriametrics import VictoriaMetrics
from zemanta_ops.stack.agent.report import Report, SeriesSummary
from zemanta_ops.stack.agent.writer import Writer
from zemanta_ops.stack.databases import ONCE

MEGABYTE = 2**20


class Disk:
    """A small disk that can be filled and emptied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Write until there is no space left."""
        with (self.folder / "filling").open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                return

    def empty(self) -> None:
        """Give the space back."""
        (self.folder / "filling").unlink()


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[Disk]:
    """Mount a disk of this many bytes."""
    if os.geteuid() != 0:
        pytest.skip("a tmpfs can only be mounted by root")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path, server_stack: ExitStack) -> Disk:
    """Return a disk of 48 MB, which is unmounted after the servers have stopped."""
    folder = tmp_path / "disk"
    folder.mkdir()
    return server_stack.enter_context(mounted(folder, 48 * MEGABYTE))


@pytest.fixture(params=["influxdb1", pytest.param("influxdb2", marks=pytest.mark.second_tier)])
def store(request: pytest.FixtureRequest, disk: Disk, server_stack: ExitStack) -> Store:
    """Return a store whose server has its data on the small disk."""
    require(request.param)
    if request.param == "influxdb1":
        server = InfluxDB1(disk.folder, auth=True)
        run(server, server_stack)
        store = store_of_1(server, server.create("metrics"))
    else:
        other = InfluxDB2(disk.folder)
        run(other, server_stack)
        store = store_of_2(other, other.create("metrics"))
    store.write("warm value=1")
    return store


def fill(store: Store, disk: Disk) -> None:
    """Fill the disk, and what the database has left in its files."""
    disk.fill()
    with pytest.raises(HttpError, match="no space left"):
        for second in range(5000):
            store.write("\n".join(f"warm value={second}.{number} {second}{number:09}" for number in range(500)))


def cause_of(store: Store, port: int) -> str:
    return found("telegraf", store, "--timeout", "4", port=port)[1]


def test_a_full_disk_is_told_though_the_probe_is_readable(
    store: Store, disk: Disk, start_telegraf: StartTelegraf
) -> None:
    telegraf, reader = started(start_telegraf, store), store.limited("read")
    speaks(store, 2)
    fill(store, disk)
    seen: list[tuple[str, str]] = []

    def is_full() -> bool:
        _, cause, one = found("telegraf", store, "--timeout", "4", port=telegraf.port)
        seen.append((cause, one["text"]))
        return cause == "disk_full"

    assert wait_until(is_full, 30, 0.5), seen
    # An application that may only read cannot name the disk, but sees that the writes fail, or that there are none.
    causes = ("agent_failing", "agent_not_writing")
    assert wait_until(lambda: cause_of(reader, telegraf.port) in causes, 30, 0.5)


def report(number: int) -> Report:
    series = SeriesSummary("kept", {}, "counter", 1, 1.0, {"value": float(number)})
    return Report(time.time() + number, 1.0, series=(series,))


def test_watch_metrics_keeps_what_a_full_disk_refuses(store: Store, disk: Disk) -> None:
    with store.connect(retry=ONCE) as database:
        told: list[str] = []
        writer = Writer(database, "here", "127.0.0.1:8125", told.append)
        writer.put(report(0))
        assert wait_until(lambda: writer.read_state().points > 0, 10), writer.read_state()
        fill(store, disk)
        # Small writes may still fit into what the database has left in its files.
        for number in range(1, 2000):
            writer.put(report(number))
            assert wait_until(lambda: writer.read_state().waiting == 0 or bool(writer.read_state().reason), 10, 0.01)
            if writer.read_state().waiting > 9:
                break
        state = writer.read_state()
        assert (state.refused, state.lost) == (0, 0)
        assert state.waiting > 9
        assert "no space left" in state.reason
        disk.empty()
        # Both versions go on failing until they are restarted.
        store.server.stop()
        store.server.start()

        def is_written() -> bool:
            writer.put(report(1000))
            return wait_until(lambda: writer.read_state().waiting == 0, 2)

        assert wait_until(is_written, 30, 0.5), writer.read_state()
        writer.close()
    state = writer.read_state()
    assert (state.refused, state.lost, len(told)) == (0, 0, 1)


def test_read_only_mode_of_victoriametrics_is_told(
    tmp_path: Path, start_telegraf: StartTelegraf, server_stack: ExitStack
) -> None:
    require("victoriametrics")
    server = VictoriaMetrics(tmp_path, flags=["-storage.minFreeDiskSpaceBytes=1000TB"])
    run(server, server_stack)
    store = store_of_victoriametrics(server, "metrics")
    telegraf = started(start_telegraf, store)
    code, cause, one = found("telegraf", store, "--timeout", "3", port=telegraf.port)

    assert (code, cause) == (13, "disk_full")
    assert "read-only mode" in one["text"]
