"""The real Kapacitor on the files that were generated for it, and on declarations that a test makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from django.test import override_settings

from tests.servers import cache
from tests.servers.http import answers, call_json
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import Server, free_port, wait_until
from zemanta_ops.stack.declarations.registry import isolate
from zemanta_ops.stack.generate import Generated, generate
from zemanta_ops.stack.generate.files import compare_files, write_files
from zemanta_ops.stack.generate.kapacitor.windows import SIDES

Json = dict[str, Any]
MIDDLEWARE = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"]
TAGS = {"env": "test", "app": "shop"}
ROUTING_KEY = "example0routing0key0of0thirty2ch"


class GeneratedKapacitor(Server):
    """Kapacitor with the generated kapacitor.conf, but for its folders and its port."""

    def __init__(self, folder: Path, files: Generated, env: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/kapacitor/v1"
        self.load(folder, files)
        self.tasks = folder / "kapacitor" / "load" / "tasks"
        path = folder / "kapacitor" / "kapacitor.conf"
        text = path.read_text().replace("/etc/kapacitor", str(folder / "kapacitor"))
        text = text.replace("/var/lib/kapacitor", str(folder / "data")).replace(":9092", f":{self.port}")
        (folder / "moved.conf").write_text(text)
        command: list[str | Path] = [cache.binary("kapacitor"), "-config", folder / "moved.conf"]
        super().__init__("kapacitord", command, folder, self._is_loaded, env)

    def _is_loaded(self) -> bool:
        """Return whether it has read the load folder, which it does after it answers."""
        return "istening for signals" in self.log() and answers(f"{self.url}/ping")

    def load(self, folder: Path, files: Generated) -> None:
        """Write the files, and take away those that are no longer generated."""
        for old in (folder / "kapacitor" / "load").rglob("*.*"):
            old.unlink()
        write_files(compare_files(files.files, folder), force=True)

    def call(self, path: str, body: Json | None = None) -> Json:
        """Call the API: a POST if there is a body, else a GET."""
        answer: Json = call_json(f"{self.url}/{path}", body)
        return answer

    def delete(self, path: str) -> None:
        """Delete something of the API."""
        call_json(f"{self.url}/{path}", method="DELETE")

    def list_tasks(self) -> dict[str, Json]:
        """Return the tasks by name."""
        return {task["id"]: task for task in self.call("tasks?limit=1000")["tasks"]}

    def list_errors(self) -> list[str]:
        """Return what it logged as errors, and each task that does not run."""
        logged = [line for line in self.log().splitlines() if "lvl=error" in line or "panic" in line]
        stopped = [f"{name}: {task['error']}" for name, task in self.list_tasks().items() if not task["executing"]]
        return logged + stopped

    def replay(self, task: str, start: int, stop: int) -> None:
        """Run a task over the time from ``start`` to ``stop``, in seconds, as if it were that time."""
        body = {
            "task": task,
            "start": _render_time(start),
            "stop": _render_time(stop),
            "recording-time": True,
            "clock": "fast",
        }
        replay = self.call("replays/batch", body)["id"]
        found: Json = {}

        def is_finished() -> bool:
            found.update(self.call(f"replays/{replay}"))
            return bool(found["status"] != "running")

        assert wait_until(is_finished, every=0.2)
        assert (found["status"], found["error"]) == ("finished", "")

    def read_script(self, task: str) -> str:
        """Return the script of a task, as it was generated."""
        return (self.tasks / f"{task}.tick").read_text()

    def replay_script(self, script: str, start: int, stop: int) -> None:
        """Run a script over a time.

        A script that writes sides may read them before they are written. So they are written first, by the same script
        without what it publishes.
        """
        silent = script.partition("\nvar tracked = ")[0]
        for text in [silent, script] if SIDES in script else [script]:
            self.call("tasks", {"id": "replayed", "type": "batch", "script": text, "status": "disabled"})
            self.replay("replayed", start, stop)
            self.delete("tasks/replayed")


def _render_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def declared(
    declare: Callable[[], Any],
    *,
    influxdb: Mapping[str, Any],
    metrics: Mapping[str, Any] | None = None,
    **sections: Any,
) -> Iterator[None]:
    """Have the declarations that a function makes, and settings."""
    settings = {"METRICS": {"TAGS": TAGS, **(metrics or {})}, "INFLUXDB": influxdb, **sections}
    with isolate(), override_settings(MIDDLEWARE=MIDDLEWARE, ZEMANTA_OPS=settings):
        declare()
        yield


def generate_kapacitor(
    declare: Callable[[], Any],
    database: str = "shop",
    url: str = "http://127.0.0.1:8086",
    *,
    influxdb: Mapping[str, Any] | None = None,
    **more: Any,
) -> Generated:
    """Return what is generated from the declarations that a function makes."""
    with declared(declare, influxdb={"URL": url, "DATABASE": database, **(influxdb or {})}, **more):
        return generate("kapacitor")


def read_scripts(files: Generated) -> dict[str, str]:
    """Return the scripts by the name of their task."""
    return {Path(file.path).stem: file.text for file in files.files if file.path.endswith(".tick")}


def read_handlers(files: Generated) -> dict[str, Json]:
    """Return the handlers by their name."""
    found = {}
    for file in files.files:
        if file.path.endswith(".yaml"):
            found[Path(file.path).stem] = json.loads(file.text.partition("\n")[2])
    return found


def write_points(influxdb: InfluxDB1, database: str, lines: list[str]) -> None:
    """Write line protocol, in parts."""
    for start in range(0, len(lines), 5_000):
        influxdb.write("\n".join(lines[start : start + 5_000]), database)
