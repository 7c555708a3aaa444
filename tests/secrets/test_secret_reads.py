"""What a Secret gives: its plaintext, what overrides it, or what takes its place; and what it remembers of that."""

from __future__ import annotations

import os
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.tokens import local
from zemanta_ops.secrets import Secret, SecretError, StrictSecret, config, ledger, modes, secret, wire
from zemanta_ops.secrets.backends.plain import PlainBackend
from zemanta_ops.secrets.caller import Caller
from zemanta_ops.secrets.exceptions import (
    ContextError,
    DecryptError,
    MissingKeyError,
    TokenError,
    UndecryptedError,
    WrongKeyError,
)

PREFIX = modes.OVERRIDE_PREFIX
LOST = "local:v=2&key=0123456789abcdef:AAAA"
KINDS = [Secret, StrictSecret]


def read(held: Any, **stated: str) -> tuple[str, bytes]:
    """Read a secret as text and as bytes."""
    if isinstance(held, Secret):
        return held.get(**stated), held.get_bytes(**stated)
    return held.decrypt(**stated), held.decrypt_bytes(**stated)


@pytest.mark.parametrize("kind", KINDS)
def test_an_override_by_name_is_the_value_as_bytes_too(kind: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}KEY", "caf\udce9")
    held = kind(local("x", app="bank", name="OTHER"))
    for stated in ({"name": "KEY"}, {"name": "KEY", "app": "shop"}):
        with pytest.raises(DecryptError, match="not UTF-8"):
            read(held, **stated)
        assert (held.get_bytes if kind is Secret else held.decrypt_bytes)(**stated) == b"caf\xe9"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stated_is_what_a_token_must_be_bound_to(kind: Any, home: Path) -> None:
    (home / config.FILE_NAME).write_text('app = "shop"\n')
    held = kind(local("x", app="shop", name="KEY"))
    assert read(held, name="KEY") == ("x", b"x")
    assert read(kind(local("x", app="bank")), app="bank") == ("x", b"x")
    for stated in ({"name": "OTHER"}, {}, {"app": "shop"}, {"name": "KEY", "app": "bank"}):
        with pytest.raises(ContextError):
            read(kind(local("x", app="shop", name="KEY")), **stated)
        if kind is StrictSecret or stated:
            with pytest.raises(ContextError):
                read(held, **stated)


def test_a_secret_with_a_path_was_checked_and_is_not_checked_again(home: Path) -> None:
    held = Secret(local("x", app="shop", name="KEY"))
    held.bind_to("KEY", None)
    with pytest.raises(ContextError):
        held.get()
    held.bind_to("KEY", "caf\udce9")
    assert held.get_bytes() == b"caf\xe9"
    with pytest.raises(ContextError):
        held.get_bytes(app="bank")
    with pytest.raises(ContextError):
        held.get_bytes(name="OTHER")


def test_a_copy_knows_its_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for held in (Secret(LOST, sample="s"), Secret.template("{}", LOST, sample="s")):
        held.bind_to("KEY", None)
        twin = pickle.loads(pickle.dumps(held))
        with pytest.raises(MissingKeyError, match=r"^KEY: "):
            twin.get()
        monkeypatch.setenv(f"{PREFIX}KEY", "instead")
        assert twin.get() == "instead"
        monkeypatch.delenv(f"{PREFIX}KEY")
        assert twin.get() == "instead"


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_has_the_name_and_what_helps_without_the_key(kind: Any, home: Path) -> None:
    with pytest.raises(MissingKeyError) as caught:
        read(kind(LOST), name="KEY")
    assert str(caught.value) == (
        "KEY: the key of this local token is not on this machine: only the user who made a local token can decrypt it. "
        f"Without the key: set {PREFIX}KEY, or write its value to .secrets.local.toml"
    )
    with pytest.raises(WrongKeyError) as changed:
        read(kind(local("x", app="shop").replace("shop", "bank")), name="KEY", app="bank")
    assert str(changed.value) == "KEY: the local token, its app or its name was changed"


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_that_is_not_of_decryption_stays_as_it_is(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    failure = SecretError("example")
    monkeypatch.setattr(PlainBackend, "decrypt_many", lambda self, tokens: [failure])
    with pytest.raises(SecretError) as caught:
        read(kind("plain::x"), name="KEY")
    assert caught.value is failure


@pytest.mark.parametrize(
    ("caller", "text"),
    [
        (Caller("KEY", "a.py:1"), "KEY: example"),
        (Caller("", "a.py:1"), "a.py:1: example"),
        (Caller(), "example"),
        (Caller("KEY", "a.py:1", is_command=True), "example"),
    ],
)
def test_an_error_names_the_setting_or_else_the_place_but_not_to_a_command(
    caller: Caller, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret, "find_caller", lambda path="": caller)
    monkeypatch.setattr(PlainBackend, "decrypt_many", lambda self, tokens: [DecryptError("example")])
    with pytest.raises(DecryptError) as caught:
        Secret("plain::x").get()
    assert str(caught.value) == text
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    Secret("plain::x", sample="s").get()
    assert ledger.samples() == [caller.setting or caller.place]


def test_a_command_reads_the_token_itself_and_belongs_to_no_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = StrictSecret(local("example", env="production"))
    monkeypatch.setenv(f"{PREFIX}KEY", "instead")
    assert held.decrypt(name="KEY") == "instead"
    for command in (False, True):
        monkeypatch.setattr(secret, "is_command", lambda command=command: command)
        monkeypatch.setattr(secret, "find_caller", lambda path="": Caller(path, is_command=True))
        if command:
            assert held.decrypt(name="KEY") == "example"
        else:
            with pytest.raises(ContextError, match="bound to an environment"):
                held.decrypt(name="KEY")


def test_a_token_without_authentication_is_recorded_as_such() -> None:
    for text, legacy in (("local::AAAA", True), ("local:v=2&key=0:AAAA", False)):
        assert secret._entry(text, wire.parse(text), b"x", "A").legacy is legacy


def test_the_facts_about_a_token_are_recorded(home: Path) -> None:
    short, long = local("1234567", app="shop"), local("12345678")
    Secret(short).get(name="A", app="shop")
    StrictSecret(long).decrypt(name="B")
    Secret.template("{}{}", "plain::x", "").get(name="C")
    token = wire.parse(short)
    first, second, third = ledger.entries()
    assert first == ledger.Entry(
        "A", "local", token.params["key"], {"app": "shop"}, legacy=False, short=True, digest=ledger.digest(short)
    )
    assert (second.path, second.short, second.digest) == ("B", False, ledger.digest(long))
    assert (third.path, third.backend, third.key_id, third.legacy) == ("C", "plain", "", False)


def test_a_template_fails_with_the_first_of_its_errors_and_reveals_the_rest(home: Path) -> None:
    held = Secret.template("{}-{}-{}", "plain::example-plaintext", LOST, "local:v=2&key=0123456789abcdef:AAA")
    with pytest.raises(MissingKeyError):
        held.get(name="KEY")
    assert ledger.plaintexts() == {"example-plaintext"}
    with pytest.raises(DecryptError, match="not UTF-8"):
        Secret.template("{}", local(b"\xff")).get(name="KEY")


@pytest.mark.parametrize("pattern", ["", "{} {", "{}{}", "{0}", "{!r}", "{:>3}", "{{}}"])
def test_the_words_of_a_bad_template(pattern: str) -> None:
    with pytest.raises(TokenError) as caught:
        Secret.template(pattern, "plain::x")
    assert str(caught.value) == "Secret.template needs one {} for each token, and no other braces than {{ and }}"


def test_a_sample_takes_the_place_of_each_token_in_a_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    for kind in KINDS:
        assert read(kind(LOST, sample="é"), name="KEY") == ("é", "é".encode())
        placeholder = kind(LOST)
        value = (placeholder.get if kind is Secret else placeholder.decrypt)(name="KEY")
        with pytest.raises(SecretError, match=f"the secret KEY was not decrypted.*{PREFIX}KEY"):
            str(value)
    template = Secret.template("a:{}{}@h", LOST, "", quote=True, sample="x/y")
    assert template.get(name="KEY") == "a:x%2Fy@h"
    assert Secret.template("{}", LOST, sample="x/y").get(name="KEY") == "x/y"
    assert ledger.samples() == ["KEY"]
    assert ledger.plaintexts() == frozenset()
    assert Secret("").get(name="KEY") == StrictSecret("").decrypt(name="KEY") == ""


def test_a_fake_value_is_looked_for_in_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.FAKE)
    assert Secret.template("a:{}@h", LOST, sample="example").get(name="KEY") == "a:example@h"
    assert "a:example@h" in ledger.plaintexts()
    assert Secret(LOST).get(name="KEY").startswith("fake-")


def test_a_name_as_samples_know_it_is_the_stated_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    Secret(LOST, sample="x").get(name="A")
    StrictSecret(LOST, sample="x").decrypt(name="B")
    bound = Secret(LOST, sample="x")
    bound.bind_to("C", None)
    bound.get()
    assert ledger.samples() == ["A", "B", "C"]


def test_the_lock_of_a_secret_is_its_own_and_that_of_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Secret("plain::x"), Secret("plain::y")
    lock = secret._lock_for(one)
    assert secret._lock_for(one) is lock
    assert secret._lock_for(other) is not lock
    monkeypatch.setattr(os, "getpid", lambda: -1)
    child = secret._lock_for(one)
    assert child is not lock
    assert child.acquire(blocking=False)


def test_the_lock_for_making_locks_is_replaced_in_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = threading.Lock()
    taken.acquire()
    monkeypatch.setattr(secret, "_making_lock", taken)
    secret._replace_making_lock()
    assert secret._making_lock.acquire(blocking=False)


def test_a_value_that_another_thread_has_read_meanwhile_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Secret("plain::x")

    def lock_for(each: Secret) -> threading.Lock:
        each.bind_to("", "read by another")
        return threading.Lock()

    monkeypatch.setattr(secret, "_lock_for", lock_for)
    monkeypatch.setattr(PlainBackend, "decrypt_many", lambda self, tokens: pytest.fail("decrypted twice"))
    assert held.get(name="KEY") == "read by another"


def test_its_own_plaintext_is_not_its_value() -> None:
    for held in (Secret("plain::x", sample="s"), Secret.template("{}", "plain::x")):
        with pytest.raises(UndecryptedError):
            str(held)
        assert held.get(name="KEY") == "x"
