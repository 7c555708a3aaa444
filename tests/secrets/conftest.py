"""A process that has revealed nothing, with its keys in a temporary folder and no configuration file in sight."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader

from tests.secrets.disk import Disk
from tests.secrets.repositories import commit, repository
from tests.servers.kms import KMS
from zemanta_ops.secrets import ledger

__all__ = ["commit", "repository"]


@pytest.fixture(autouse=True)
def fresh_ledger() -> Iterator[None]:
    ledger.forget()
    yield
    ledger.forget()


@pytest.fixture(scope="session", autouse=True)
def _models_read_once() -> Iterator[None]:
    """Let botocore decode each of its files once a run, not once for each of the hundreds of clients."""
    read = functools.cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is the working directory, the home and the place of all keys."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    for variable in ("ZEMANTA_OPS_SECRETS", "ZEMANTA_OPS_ENV", "ZEMANTA_OPS_CONFIG", "ZEMANTA_OPS_KEY_DIR", "CI"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


@pytest.fixture
def kms(kms_server: KMS, home: Path, monkeypatch: pytest.MonkeyPatch) -> KMS:
    """Return the KMS with this process as its owner."""
    become(monkeypatch, kms_server.environment)
    return kms_server


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Record what is synced from now on."""
    return Disk(monkeypatch)


@pytest.fixture
def forked() -> Callable[[Callable[[], bool]], bool]:
    """Return a function that says what another function returns in a forked child."""

    def forked(function: Callable[[], bool]) -> bool:
        if (child := os.fork()) == 0:
            try:
                os._exit(0 if function() else 1)
            finally:
                os._exit(2)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    return forked


def become(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Let boto3 be another identity from now on."""
    from zemanta_ops.secrets.backends import _aws_session

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _aws_session.forget_clients()
