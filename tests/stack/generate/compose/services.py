"""Services of a compose file as processes: their commands, variables and files, with paths outside a container."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import cache
from tests.servers.fixtures import require

Json = dict[str, Any]


def read_services(folder: Path, environment: Mapping[str, str]) -> dict[str, Json]:
    """Return the services as Docker Compose reads them; ValueError with its message if it refuses the file."""
    require("compose")
    command: list[str | Path] = [cache.binary("compose"), "compose.yaml"]
    done = subprocess.run(command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr)
    services: dict[str, Json] = json.loads(done.stdout)["services"]
    return services


@dataclass(frozen=True)
class Service:
    """A service, and the folder that its volumes are in."""

    described: Json
    volumes: Path

    def place(self, path: str) -> Path:
        """Return the place of a path of the container; LookupError if nothing is mounted there."""
        for mount in self.described["volumes"]:
            if path == mount["target"] or path.startswith(f"{mount['target']}/"):
                source: Path = self.volumes / mount["source"]  # a source that is absolute stays what it is
                return source / path.removeprefix(mount["target"]).lstrip("/")
        raise LookupError(f"{path} is neither mounted nor kept")

    def build_command(self, binary: Path) -> list[str | Path]:
        """Return the command with the binary of this machine; it may consist of flags for that of the image."""
        command: list[str] = self.described["command"]
        arguments = command if command[0].startswith("-") else command[1:]
        return [binary, *map(self._move_argument, arguments)]

    def _move_argument(self, argument: str) -> str:
        name, equals, value = argument.rpartition("=")
        return f"{name}{equals}{self.place(value) if value.startswith('/') else value}"

    def move_paths(self, text: str) -> str:
        """Return a configuration file with each path of the container replaced by its place."""
        for mount in sorted(self.described["volumes"], key=lambda each: -len(each["target"])):
            text = text.replace(mount["target"], str(self.place(mount["target"])))
        return text

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the container gets."""
        return dict(self.described.get("environment") or {})
