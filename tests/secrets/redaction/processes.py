"""Run a process that has decrypted a secret, and return what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CANARY = "c4nary-example-of-a-secret"
HEAD = """
import os, sys, traceback
from zemanta_ops.secrets import Secret
from zemanta_ops.secrets.redaction import before_send, redact, redact_stderr, redact_value

VALUE = Secret(os.environ["CANARY_TOKEN"]).get()
"""


def run(environment: dict[str, str], code: str, *packages: Path) -> str:
    path = os.pathsep.join([str(ROOT), *map(str, packages)])
    done = subprocess.run(
        [sys.executable, "-c", f"{HEAD}{code}"],
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr
