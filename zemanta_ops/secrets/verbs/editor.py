"""A plaintext in the user's editor: in a private folder, which is overwritten and removed afterwards."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zemanta_ops.secrets.exceptions import SourceError

_DEFAULT = "vi"


def edit(plaintext: bytes) -> bytes:
    """Return the plaintext as the user's editor saves it; without the line break that the editor adds at its end.

    Raises:
        SourceError: The editor cannot be started, fails, or removes the file.
    """
    with _private_folder() as folder:
        path = folder / "secret"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(plaintext)
        _run([*_find_editor(), str(path)])
        try:
            edited = path.read_bytes()
        except OSError:
            raise SourceError("the editor has removed the file, so nothing was changed") from None
    if edited.endswith(b"\n") and not plaintext.endswith(b"\n"):
        edited = edited.removesuffix(b"\n").removesuffix(b"\r")
    return edited


def _find_editor() -> list[str]:
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or _DEFAULT)
    if not command or shutil.which(command[0]) is None:
        raise SourceError("there is no editor: set EDITOR to the command of one that waits until the file is closed")
    return command


def _run(command: list[str]) -> None:
    with _leave_interrupts_to_child():
        code = subprocess.call(command)  # noqa: S603 (the user's own editor)
    if code:
        raise SourceError(f"the editor ended with exit code {code}, so nothing was changed")


@contextmanager
def _leave_interrupts_to_child() -> Iterator[None]:
    """Let Ctrl-C reach the editor only. A handler, unlike an ignored signal, is not inherited by it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Make a folder of mode 0700, in memory if the system has such a place; shred all that is in it afterwards."""
    memory = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(tempfile.mkdtemp(prefix="zemanta-ops-", dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield folder
    finally:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                _shred(path)
        shutil.rmtree(folder, ignore_errors=True)


def _shred(path: Path) -> None:
    """Overwrite a file: an editor's copies too."""
    try:
        with path.open("r+b") as file:
            file.write(b"\0" * path.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
