"""End the processes of a run and remove its folder, also if the run itself was killed. Uses the standard library alone.

``watch FOLDER`` waits until its standard input ends: the run holds the other end of that pipe, and the system closes it
however the run ends. ``launch FOLDER PARENT COMMAND…`` makes the process the leader of a session of its own, which a
Ctrl-C in the terminal does not reach, registers it in the folder and runs the command in it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

REGISTER = "processes"
# Seconds that the processes have after SIGTERM before SIGKILL.
GRACE_SECONDS = 3.0


def start_watching(folder: Path) -> subprocess.Popen[bytes]:
    """Start the process that cleans up after this one. To end it, close its standard input."""
    (folder / REGISTER).mkdir()
    return subprocess.Popen(
        [sys.executable, "-S", "-E", __file__, "watch", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def build_launch(folder: Path, command: Sequence[str | Path]) -> list[str]:
    """Return the command that runs another one as a registered process of this run."""
    return [sys.executable, "-S", "-E", __file__, "launch", str(folder), str(os.getpid()), *map(str, command)]


def watch(folder: Path) -> None:
    """Wait for the end of the run, then end what is left of it and remove the folder."""
    sys.stdin.buffer.read()
    groups = [int(each.name) for each in sorted(folder.glob(f"{REGISTER}/*")) if is_ours(each)]
    deadline = time.monotonic() + GRACE_SECONDS
    while groups := [each for each in groups if signal_group(each, signal.SIGTERM)]:
        # A stopped process ends only when it is continued.
        groups = [each for each in groups if signal_group(each, signal.SIGCONT)]
        time.sleep(0.2)
        if time.monotonic() > deadline:
            for each in groups:
                signal_group(each, signal.SIGKILL)
            break
    while folder.exists() and time.monotonic() < deadline + GRACE_SECONDS:
        shutil.rmtree(folder, ignore_errors=True)  # a process that ends may still write into it


def launch(folder: Path, parent: int, command: list[str]) -> None:
    """Register this process, and become the command."""
    os.setsid()
    (folder / REGISTER / str(os.getpid())).write_text(read_start(os.getpid()))
    if os.getppid() != parent:  # the run has ended in the meantime, perhaps before it could see this process
        sys.exit(1)
    os.execvp(command[0], command)


def is_ours(registered: Path) -> bool:
    """Return whether no other process has got the number since."""
    start = read_start(int(registered.name))
    with suppress(OSError):
        return start in ("", registered.read_text())
    return False


def read_start(pid: int) -> str:
    """Return when a process started, as Linux writes it; "" if it is gone, or if this is another system."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""


def signal_group(group: int, number: signal.Signals) -> bool:
    """Send a signal to a process group; return whether there is one."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    if sys.argv[1] == "watch":
        watch(Path(sys.argv[2]))
    else:
        launch(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
