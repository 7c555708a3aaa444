"""Services of a compose file as processes: their commands, variables and files, with paths outside a container."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
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

    def build_command(self, binary: Path, command: Sequence[str] = ()) -> list[str | Path]:
        """Return the command, that of the image if the service has none, with the binary of this machine."""
        arguments = (self.described["command"] or command)[1:]
        return [binary, *(self.place(each) if each.startswith("/") else each for each in arguments)]

    def move_paths(self, text: str) -> str:
        """Return a configuration file with each path of the container replaced by its place."""
        for mount in sorted(self.described["volumes"], key=lambda each: -len(each["target"])):
            text = text.replace(mount["target"], str(self.place(mount["target"])))
        return text

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the container gets."""
        return dict(self.described.get("environment") or {})
