"""StrictSecret keeps no plaintext: nothing that this process can reach holds it, once it is dropped."""

from __future__ import annotations

import base64
import gc
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.secrets.tokens import made
from tests.servers.kms import ALIAS, REGION
from zemanta_ops.secrets import Secret, StrictSecret, ledger
from zemanta_ops.secrets.backends import _agekeys

PARTS = ("example", "plaintext", "that", "is", "never", "kept")


def make_needles() -> tuple[str | bytes, ...]:
    """Return the plaintext and its base64, as text and as bytes."""
    wanted = "-".join(PARTS)
    encoded = base64.b64encode(wanted.encode()).decode()
    return (wanted, encoded, wanted.encode(), encoded.encode())


def holders() -> list[str]:
    """Return the types of the objects that hold the plaintext, or its base64, in whatever is reachable."""
    needles = make_needles()
    return [type(holder).__name__ for holder in _search(list_reachable(needles), needles)]


def list_reachable(needles: tuple[str | bytes, ...]) -> list[Any]:
    """Return every object that may refer to a string, but for the needles."""
    # Strings and bytes are not tracked themselves, but what refers to them is. What a module holds is in its dict:
    # asking the module _asyncio sends the next collection round in circles (CPython 3.12 and 3.13, gh-122695).
    return [each for each in gc.get_objects() if each is not needles and not issubclass(type(each), ModuleType)]


def _search(holders: list[Any], needles: tuple[str | bytes, ...]) -> list[Any]:
    """Return the holders that refer to a needle, by halves."""
    if not _held(holders, needles):
        return []
    if len(holders) == 1:
        return holders
    middle = len(holders) // 2
    return _search(holders[:middle], needles) + _search(holders[middle:], needles)


def _held(holders: list[Any], needles: tuple[str | bytes, ...]) -> bool:
    """Return whether a needle, other than itself, is in what the holders refer to."""
    ours = {id(needle) for needle in needles}
    held = [each for each in gc.get_referents(*holders) if id(each) not in ours]
    # One search of one long text: a search of each text on its own takes seconds.
    texts = "\0".join([each for each in held if type(each) is str])
    blobs = b"\0".join([each for each in held if type(each) in (bytes, bytearray)])
    return any(needle in texts if isinstance(needle, str) else needle in blobs for needle in needles)


MORE = pytest.mark.more


@pytest.fixture(params=["local", pytest.param("password", marks=MORE), pytest.param("sealed", marks=MORE), "kms"])
def token(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    options: dict[str, Any] = {}
    if request.param == "kms":
        request.getfixturevalue("kms")
        options = {"key": ALIAS, "region": REGION}
    elif request.param == "password":
        monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    elif request.param == "sealed":
        identity = _agekeys.generate("mlkem768x25519")
        monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", identity.text())
        options = {"recipients": str(identity.recipient)}
    return made(request.param, "-".join(PARTS), **options)


def test_a_strict_secret_leaves_nothing_behind(token: str) -> None:
    secret = StrictSecret(token)
    assert len(secret.decrypt()) == len("-".join(PARTS))
    assert len(secret.decrypt_bytes()) == len("-".join(PARTS))
    gc.collect()
    assert holders() == []
    assert [entry.short for entry in ledger.entries()] == [False]


def test_the_search_finds_what_is_kept(token: str) -> None:
    secret = Secret(token)
    secret.get()
    gc.collect()
    # Not which object holds it: that takes a search by halves.
    needles = make_needles()
    assert _held(list_reachable(needles), needles)
