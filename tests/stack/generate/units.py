"""Runs what a generated systemd unit starts; systemd itself is not run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from tests.servers import cache
from tests.servers.http import answers
from tests.servers.process import Server


class Unit(Server):
    """The program of a unit, with its own flags, in a folder of its own and on one address of this machine."""

    def __init__(
        self, text: str, folder: Path, address: str = "127.0.0.1", env: Mapping[str, str] | None = None
    ) -> None:
        joined = text.replace("\\\n", " ")
        [line] = [line for line in joined.splitlines() if line.startswith("ExecStart=")]
        program, *flags = shlex.split(line.removeprefix("ExecStart=").replace("%%", "%"))
        name = Path(program).name
        assert program == f"/usr/local/bin/{name}"
        assert f"StateDirectory={name}" in text
        folder.mkdir(exist_ok=True)
        flags = [
            flag.replace("/etc/victoriametrics", str(folder.parent))
            .replace("/var/lib", str(folder))
            .replace("-httpListenAddr=:", f"-httpListenAddr={address}:")
            for flag in flags
        ]
        [listen] = [flag.partition("=")[2] for flag in flags if flag.startswith("-httpListenAddr")]
        self.url = f"http://{listen}"
        binary = cache.binary("victoriametrics", name)
        super().__init__(name, [binary, *flags], folder, lambda: answers(f"{self.url}/health"), env)
