"""A Lambda function under AWS's own emulator and runtime client, on loopback.

Without both addresses the emulator would listen on every interface.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers import cache, pypi
from tests.servers.http import HttpError, call
from tests.servers.process import Server, free_port

# What Lambda's runtime lacks and the tests' interpreter has.
ABSENT = ("cryptography", "django", "influxdb_client", "statsd")


class LambdaEmulator(Server):
    """One function; ``task`` is the folder of its package, ``seconds`` its time-out."""

    def __init__(self, folder: Path, task: Path, handler: str, env: Mapping[str, str], seconds: int = 30) -> None:
        self.port = free_port()
        for name in ABSENT:
            (task / f"{name}.py").write_text(f"raise ImportError('{name} is not in the runtime')\n")
        command: list[str | Path] = [
            *(cache.binary("lambda"), "--log-level", "error"),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{self.port}"),
            *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
            *(sys.executable, "-m", "awslambdaric", handler),
        ]
        environment = {
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
            "AWS_LAMBDA_FUNCTION_NAME": "push",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "LAMBDA_TASK_ROOT": str(task),
            "PYTHONPATH": os.pathsep.join([str(task), str(pypi.lambda_runtime())]),
            **env,
        }
        super().__init__("lambda", command, folder, self._listens, environment)

    def invoke(self, event: Any = None) -> Any:
        """Return what the function returns, an error that it raises as a dict, or the text of a time-out."""
        url = f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations"
        try:
            text = call(url, data=json.dumps(event or {}).encode(), seconds=60)
        except HttpError as error:  # the function did not start
            text = error.body
        return json.loads(text) if text.startswith("{") else text

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
