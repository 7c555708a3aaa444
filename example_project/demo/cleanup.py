"""End the processes of a run and remove its folder, also if the run itself was killed. Uses the standard library alone.

``watch FOLDER`` waits until its standard input ends: the run holds the other end of that pipe, and the system closes it
however the run ends. ``launch FOLDER COMMAND…`` makes the process the leader of a session of its own, which a Ctrl-C in
the terminal does not reach, registers it in the folder and runs the command in it.

The register is a folder with an empty file for each process, named by its number and its start. Only an empty folder
can be removed, and nothing can be created in a removed one. So ``watch`` ends when it has removed the register, and a
process that has not registered by then never runs its command.
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
    return [sys.executable, "-S", "-E", __file__, "launch", str(folder), *map(str, command)]


def watch(folder: Path) -> None:
    """Wait for the end of the run, then end what is left of it and remove the folder."""
    sys.stdin.buffer.read()
    register = folder / REGISTER
    deadline = time.monotonic() + GRACE_SECONDS
    while not remove_register(register):
        is_late = time.monotonic() > deadline
        ended = [each for each in register.iterdir() if not end_process(each.name, is_late)]
        for each in ended:
            each.unlink()
        if not ended:
            time.sleep(0.2)
    deadline = time.monotonic() + GRACE_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)  # a process that ends may still write into it


def launch(folder: Path, command: list[str]) -> None:
    """Register this process, and become the command."""
    os.setsid()
    number = os.getpid()
    try:
        (folder / REGISTER / f"{number}-{read_start(number)}").touch()
    except FileNotFoundError:  # the run has ended in the meantime
        sys.exit(1)
    os.execvp(command[0], command)


def remove_register(register: Path) -> bool:
    """Remove the register; return False if it has processes."""
    try:
        register.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def end_process(registered: str, is_late: bool) -> bool:
    """Ask a process and its children to end, or kill them; return whether they may still be there."""
    number, _, start = registered.partition("-")
    if read_start(int(number)) not in ("", start):  # another process has got the number since
        return False
    if is_late:
        signal_group(int(number), signal.SIGKILL)
        return False
    # A stopped process ends only when it is continued.
    return signal_group(int(number), signal.SIGTERM) and signal_group(int(number), signal.SIGCONT)


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
        launch(Path(sys.argv[2]), sys.argv[3:])
