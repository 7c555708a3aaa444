"""A real VictoriaMetrics, single node, and the programs around it: vmagent and vmauth."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.servers import cache
from tests.servers.http import HttpError, answers, call
from tests.servers.influxdb1 import Point
from tests.servers.process import Server, free_port
from zemanta_ops.stack.databases.http import encode_basic

USERNAME = "writer"
PASSWORD = "example-victoria-password"


class VictoriaMetrics(Server):
    """VictoriaMetrics in a folder of its own; with ``auth`` it asks for a user."""

    def __init__(self, folder: Path, *, auth: bool = False, flags: Sequence[str] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.auth = auth
        command: list[str | Path] = [
            cache.binary("victoriametrics", "victoria-metrics"),
            f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-storageDataPath={folder / 'data'}",
            "-retentionPeriod=100y",
            "-dedup.minScrapeInterval=1ms",
            *([f"-httpAuth.username={USERNAME}", f"-httpAuth.password={PASSWORD}"] if auth else []),
            *flags,
        ]
        super().__init__("victoria-metrics", command, folder, lambda: answers(f"{self.url}/health"))

    def flush(self) -> None:
        """Make everything written so far visible to queries."""
        headers = {"Authorization": encode_basic(USERNAME, PASSWORD)} if self.auth else {}
        call(f"{self.url}/internal/force_flush", headers=headers)

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Make what is written visible at once: by itself, a new series takes 4 to 11 seconds."""
        ended = threading.Event()

        def flush() -> None:
            while not ended.wait(0.3):
                with suppress(OSError, HttpError):
                    self.flush()

        thread = threading.Thread(target=flush)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def series(self, selector: str) -> list[dict[str, Any]]:
        """Return every series that matches, with its labels, times in milliseconds and values."""
        self.flush()
        text = call(f"{self.url}/api/v1/export", {"match[]": selector})
        return [json.loads(line) for line in text.splitlines()]

    def last_points(self, measurements: str, database: str) -> list[Point]:
        """Return the last point of every series of one measurement, which is given as ``^name$``."""
        prefix = f"{measurements.strip('^$')}_"
        points: dict[frozenset[tuple[str, str]], Point] = {}
        for row in self.series(f'{{__name__=~"{prefix}.*",db="{database}"}}'):
            labels = dict(row["metric"])
            field = labels.pop("__name__").removeprefix(prefix)
            del labels["db"]
            time = row["timestamps"][-1] * 10**6
            point = points.setdefault(frozenset(labels.items()), Point(prefix[:-1], labels, time, {}))
            point.fields[field] = row["values"][-1]
        return list(points.values())

    def write(self, lines: str, database: str) -> None:
        """Write line protocol."""
        call(f"{self.url}/write", {"db": database}, data=lines.encode())


class Program(Server):
    """vmagent or vmauth on a free port; ``flags`` are all its others."""

    def __init__(self, name: str, folder: Path, flags: Sequence[str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        binary = cache.binary("victoriametrics", name)
        command: list[str | Path] = [binary, f"-httpListenAddr=127.0.0.1:{self.port}", *flags]
        super().__init__(name, command, folder, lambda: answers(f"{self.url}/health"))
