"""What was revealed stays revealed, whatever other threads and forks do."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import SimpleNamespace, TracebackType

import pytest

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.exceptions import LegacyTokenWarning

Forked = Callable[[Callable[[], bool]], bool]


class Switching(AbstractContextManager[None]):
    """A lock that lets another thread run as soon as it is taken, so that one without it would lose its value."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self.taken += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def test_each_reveal_holds_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding to a set that is replaced reads, then writes: without the lock, two threads would keep one value."""
    lock = Switching()
    monkeypatch.setattr(ledger, "_lock", lock)
    ledger.reveal("example-secret-one")
    ledger.reveal(b"example-secret-two")
    assert lock.taken == 2
    assert {"example-secret-one", "example-secret-two"} <= ledger.plaintexts()


@pytest.fixture
def held() -> Iterator[None]:
    """Hold the ledger's lock in another thread, as a thread that reveals does at the moment of a fork."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with ledger._lock:
            taken.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(30)
    yield
    done.set()
    thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_a_thread_of_its_parent(held: None, forked: Forked) -> None:
    assert forked(lambda: ledger._lock.acquire(timeout=5))


def test_a_lock_that_is_held_is_replaced(held: None) -> None:
    before = ledger._lock
    assert not before.acquire(blocking=False)
    ledger._reset_lock()
    try:
        assert ledger._lock.acquire(blocking=False)
    finally:
        ledger._lock = before


def test_redaction_is_installed_with_the_first_secret_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(ledger, "_protected", False)
    monkeypatch.setattr(ledger, "import_module", lambda name: SimpleNamespace(install=lambda: installed.append(name)))
    for value in ("example-secret-one", "example-secret-two"):
        ledger.reveal(value)
    assert installed == ["zemanta_ops.secrets.redaction.logs"]


def test_the_same_plaintexts_are_the_same_object() -> None:
    """Redaction compares by identity whether it knows them all."""
    ledger.reveal("example-secret-one")
    before = ledger.plaintexts()
    for known in ("example-secret-one", b"example-secret-one", ""):
        ledger.reveal(known)
    assert ledger.plaintexts() is before == {"example-secret-one"}


def test_bytes_and_texts_of_any_kind_are_known() -> None:
    ledger.reveal(b"\xff\xfe-example")
    assert ledger.plaintexts() == {"\udcff\udcfe-example"}
    assert ledger.digest("\udcff") != ledger.digest("?")
    assert ledger.digest("plain::x") == "0a54d99f3aedcfe72784133c20c081acb2d3acf152a8d86395d75886a262551f"


def test_each_fact_is_kept_until_it_is_forgotten() -> None:
    first, second = ledger.Entry("A", "local", "k", digest="1"), ledger.Entry("B", "plain", "", digest="2")
    for entry in (first, second, first):
        ledger.record(entry)
    ledger.override("A", "ZEMANTA_OPS_OVERRIDE__A")
    ledger.record_sample("C")
    ledger.record_sample("B")
    assert ledger.entries() == (first, second)
    assert ledger.overrides() == {"A": "ZEMANTA_OPS_OVERRIDE__A"}
    assert ledger.samples() == ["B", "C"]
    ledger.forget()
    assert (ledger.entries(), ledger.overrides(), ledger.samples(), ledger.plaintexts()) == ((), {}, [], frozenset())


def test_the_tokens_that_a_program_makes_are_known_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_wrapped", set())
    monkeypatch.setattr(ledger, "_MAX_WRAPPED", 2)
    for token in ("plain::a", "plain::b", "plain::c"):
        ledger.wrap([token])
    assert [ledger.is_wrapped(f"plain::{name}") for name in "abc"] == [True, True, False]


def test_a_token_without_authentication_is_a_warning_once() -> None:
    for _ in range(2):
        with pytest.warns(LegacyTokenWarning) as caught, ledger.reading_legacy("local"):
            pass
        assert [str(warning.message) for warning in caught] == [
            "a local token of SecretCrypt 1.x was decrypted: it is not authenticated, so a change of it would go "
            "unnoticed. Encrypt the secret again"
        ]
        with warnings.catch_warnings(), ledger.reading_legacy("local"):
            warnings.simplefilter("error")
        ledger.forget()
