"""Killed at any moment, a rotation leaves files that parse and secrets that decrypt; --resume ends it to the byte."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.secrets import deterministic
from tests.secrets.verbs.calls import Ended, call
from zemanta_ops import atomic
from zemanta_ops.secrets import backends, wire
from zemanta_ops.secrets.files.scan import scan
from zemanta_ops.secrets.rotation.journal import FILE_NAME
from zemanta_ops.secrets.secret import StrictSecret
from zemanta_ops.secrets.verbs import rotate

SECRETS = 30
ROTATION = ("--to", "sealed", "--key", "k2")


@pytest.fixture(autouse=True)
def _sealed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(backends._PATHS, "sealed", deterministic.PATH)
    monkeypatch.setattr(backends, "_loaded", {})
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A folder with secrets in files of three formats."""
    folder = tmp_path / "original"
    folder.mkdir()
    backend = backends.load("sealed")
    tokens = [wire.format(backend.encrypt(f"plaintext-{n}".encode(), {})) for n in range(SECRETS)]
    third = SECRETS // 3
    lines = [f'K{n} = Secret("{token}")  # {n}' for n, token in enumerate(tokens[:third])]
    (folder / "a.py").write_bytes("\r\n".join(lines).encode())
    (folder / "b.json").write_text(json.dumps({f"k{n}": token for n, token in enumerate(tokens[third:-third])}))
    (folder / ".env").write_text("".join(f"K{n}={token} # {n}\n" for n, token in enumerate(tokens[-third:])))
    return folder


def _rotate(folder: Path, *arguments: str) -> Ended:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return call(rotate, *arguments)
    finally:
        os.chdir(before)


def _child(folder: Path, hook: Callable[[str, Path], None] | None = None) -> int:
    """Rotate in a forked process, with a hook around each step; return its id."""
    with warnings.catch_warnings():
        # From Python 3.12 on, a fork warns if other tests have left threads; none of theirs is used here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            atomic.step_hook = hook or atomic.step_hook
            os._exit(_rotate(folder, *ROTATION).code)
        finally:
            os._exit(99)
    return child


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _plaintexts(folder: Path) -> list[str]:
    return sorted(StrictSecret(found.text).decrypt() for found in scan([folder]))


@pytest.fixture
def whole(original: Path, tmp_path: Path) -> dict[str, bytes]:
    """What an unbroken run leaves."""
    folder = tmp_path / "whole"
    shutil.copytree(original, folder)
    assert _rotate(folder, *ROTATION).code == 0
    assert set(_bytes(folder)) == {"a.py", "b.json", ".env"}
    return _bytes(folder)


def _check(folder: Path, original: Path, whole: dict[str, bytes]) -> None:
    """Every file reads, every secret decrypts, and resuming ends in the same bytes as an unbroken run."""
    assert _plaintexts(folder) == _plaintexts(original)
    ended = _rotate(folder, "--resume")
    if ended.code:
        # Killed before the journal held anything, or after it was removed: nothing was begun, or all is done.
        assert "nothing to resume" in ended.err or "--abandon" in ended.err
        assert {name: data for name, data in _bytes(folder).items() if name in whole} in (_bytes(original), whole)
        _rotate(folder, "--abandon")
        assert _rotate(folder, *ROTATION).code == 0
    assert _bytes(folder) == whole


def test_killed_around_each_write_fsync_and_rename(original: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    steps: list[str] = []
    for last in range(1, 1000):
        folder = tmp_path / f"step-{last}"
        shutil.copytree(original, folder)
        read_end, write_end = os.pipe()
        count = 0

        def die(step: str, path: Path, last: int = last, told: int = write_end) -> None:
            nonlocal count
            count += 1
            if count == last:
                os.write(told, step.encode())
                os.kill(os.getpid(), signal.SIGKILL)

        _, status = os.waitpid(_child(folder, die), 0)
        os.close(write_end)
        steps.append(os.read(read_end, 100).decode())
        os.close(read_end)
        if os.waitstatus_to_exitcode(status) == 0:
            break
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        _check(folder, original, whole)
    assert steps.count("before rename") == steps.count("after rename") == 3
    assert steps.count("before fsync") == steps.count("after write") > 3
    assert _bytes(folder) == whole


@pytest.mark.parametrize("moments", [8, pytest.param(100, marks=pytest.mark.more)])
def test_killed_at_random_moments(moments: int, original: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "timed"
    shutil.copytree(original, folder)
    begun = time.monotonic()
    os.waitpid(_child(folder), 0)
    length = time.monotonic() - begun
    dice = random.Random(20261124)
    for number in range(moments):
        folder = tmp_path / f"moment-{number}"
        shutil.copytree(original, folder)
        child = _child(folder)
        time.sleep(dice.uniform(0, length))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        _check(folder, original, whole)


def test_a_journal_whose_last_line_was_cut_is_mended(original: Path, whole: dict[str, bytes]) -> None:
    def stop(step: str, path: Path) -> None:
        if step == "before rename":
            os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(_child(original, stop), 0)
    journal = original / FILE_NAME
    journal.write_bytes(journal.read_bytes()[:-20])
    assert _rotate(original, "--resume").code == 0
    assert _bytes(original) == whole
