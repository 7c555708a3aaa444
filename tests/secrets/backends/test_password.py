"""The password backend: who is asked, how often, and what a token may make its reader spend."""

from __future__ import annotations

import contextlib
import getpass
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from tests.secrets.broken import assert_all_refused, cut_and_flipped, outcomes
from tests.secrets.tokens import made
from tests.servers.process import wait_until
from zemanta_ops.secrets import LegacyTokenWarning, Secret, SecretError, decrypt_settings, ledger
from zemanta_ops.secrets.backends import password as module
from zemanta_ops.secrets.exceptions import EncryptError, MissingKeyError, ResolveError, TokenError, WrongKeyError
from zemanta_ops.secrets.wire import Token, parse

# Written by secretcrypt 1.0.4 on Python 3.11.
LEGACY = "password:salt=YmLXIex%2F208rBCqI3cGMzA%3D%3D:2y8nUqBxtUWHWQeiALRMNqng6FXngwYG69xrQfQu1AnEE3xUUE2/dAUxSgkcUhDo"
SUITES = pytest.mark.parametrize("suite", ["argon2id", "scrypt"])


RECOMMENDED = dict(module.COSTS)


@pytest.fixture(autouse=True)
def cheap(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make new tokens cheap to open, and nobody's password known."""
    monkeypatch.setattr(module, "COSTS", {"argon2id": {"m": 32, "t": 1, "p": 1}, "scrypt": {"n": 16, "r": 1, "p": 1}})
    for variable in ("ZEMANTA_OPS_PASSWORD", "ZEMANTA_OPS_PASSWORD_FILE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return a function that lets somebody type these answers, and returns the list of prompts."""

    def answer(*answers: str) -> list[str]:
        left, prompts = list(answers), []

        def ask(prompt: str) -> str:
            prompts.append(prompt)
            return left.pop(0)

        monkeypatch.setattr(getpass, "getpass", ask)
        return prompts

    return answer


@SUITES
@pytest.mark.parametrize("plaintext", [b"", b"example", b"\xff\x00\r\n", b"x" * 2**20], ids=len)
def test_the_password_opens_a_token(suite: str, plaintext: bytes, typed: Callable[..., list[str]]) -> None:
    prompts = typed("example password ✓", "example password ✓", "example password ✓")
    token = made("password", plaintext, {"app": "shop", "name": "A"}, suite=suite)
    assert Secret(token).get_bytes(name="A", app="shop") == plaintext
    assert prompts == ["Enter password: ", "Enter password again: ", "Enter password: "]
    assert "example password ✓" in ledger.plaintexts()


def test_two_passwords_that_differ_encrypt_nothing(typed: Callable[..., list[str]]) -> None:
    typed("one password", "another password")
    with pytest.raises(EncryptError, match="differ") as caught:
        made("password", "x")
    assert "password," not in str(caught.value)


def test_an_empty_password_is_refused(typed: Callable[..., list[str]]) -> None:
    typed("", "")
    with pytest.raises(SecretError, match="empty"):
        made("password", "x")


@SUITES
def test_a_wrong_password_is_an_error_and_not_repeated(suite: str, typed: Callable[..., list[str]]) -> None:
    typed("right password", "right password", "wrong password")
    with pytest.raises(WrongKeyError, match="wrong password, or") as caught:
        Secret(made("password", "example-plaintext", suite=suite)).get()
    assert "right" not in str(caught.value)


def test_a_batch_asks_once(typed: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    settings: dict[str, object] = {"OLD": Secret(LEGACY)}
    settings |= {name: Secret(made("password", f"example {name}")) for name in "ABC"} | {"OLD": Secret(LEGACY)}
    monkeypatch.delenv("ZEMANTA_OPS_PASSWORD")
    prompts = typed("example password")
    with pytest.warns(LegacyTokenWarning):
        decrypt_settings(settings)
    assert settings == {"A": "example A", "B": "example B", "C": "example C", "OLD": "example plaintext"}
    assert prompts == ["Enter password: "]


def test_nobody_is_asked_for_the_sake_of_malformed_tokens(typed: Callable[..., list[str]]) -> None:
    assert typed() == []
    with pytest.raises(ResolveError, match="unknown version or suite"):
        decrypt_settings({"A": Secret("password:v=2:AAAA"), "B": Secret("password:v=3&suite=scrypt:AAAA")})


def test_without_a_terminal_a_malformed_token_is_still_called_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_terminal(_prompt: str) -> str:
        warnings.warn("no terminal", getpass.GetPassWarning, stacklevel=2)
        raise AssertionError("it went on to read standard input")

    monkeypatch.setattr(getpass, "getpass", no_terminal)
    bad, good = outcomes(["password:v=2:AAAA", LEGACY])
    assert isinstance(bad, TokenError)
    assert isinstance(good, MissingKeyError)


@pytest.mark.parametrize("verb", [["encrypt", "password", "--from-file", "plaintext"], ["decrypt", LEGACY]])
def test_without_a_terminal_it_refuses_and_says_what_to_set(verb: list[str], home: Path) -> None:
    (home / "plaintext").write_text("example-plaintext")
    command = [sys.executable, "-m", "zemanta_ops.secrets", *verb]
    ended = subprocess.run(
        command, input="example password\n", capture_output=True, text=True, start_new_session=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "no terminal" in ended.stderr
    assert "set ZEMANTA_OPS_PASSWORD or ZEMANTA_OPS_PASSWORD_FILE" in ended.stderr


def test_a_file_may_hold_the_password(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "password"
    path.write_text("example password\n")
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD_FILE", str(path))
    token = made("password", "example")
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    assert Secret(token).get() == "example"
    monkeypatch.delenv("ZEMANTA_OPS_PASSWORD")
    path.unlink()
    with pytest.raises(MissingKeyError, match="cannot be read"):
        Secret(token).get()


def test_on_a_terminal_it_asks_without_echo(home: Path) -> None:
    master, slave = os.openpty()
    command = [sys.executable, "-m", "zemanta_ops.secrets", "encrypt", "password", "--suite", "scrypt"]
    process = subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, start_new_session=True)
    os.close(slave)
    shown = b""
    os.set_blocking(master, False)

    def prompted(prompt: bytes) -> bool:
        nonlocal shown
        with contextlib.suppress(BlockingIOError):
            shown += os.read(master, 4096)
        return prompt in shown

    answers = [(b"plaintext: ", b"example"), (b"Enter password: ", b"hunter2hunter2"), (b"again: ", b"hunter2hunter2")]
    for prompt, answer in answers:
        assert wait_until(partial(prompted, prompt)), shown
        os.write(master, answer + b"\n")
    out, _ = process.communicate(timeout=30)
    os.close(master)
    assert out.startswith(b"password:v=2&suite=scrypt&n=131072&r=8&p=1&salt=")
    assert b"hunter2" not in shown
    assert b"example" not in shown


@SUITES
def test_every_cut_and_every_flipped_byte_is_refused(suite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    token = made("password", "example-plaintext", {"app": "shop", "name": "A", "team": "web"}, suite=suite)
    assert_all_refused(cut_and_flipped(token), "example-plaintext", token)


def test_every_cut_and_flipped_byte_of_1x_is_an_error_or_a_warned_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LegacyTokenWarning)
        for result in outcomes(cut_and_flipped(LEGACY)):
            assert not isinstance(result, SecretError) or "example" not in str(result)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v=2&", ""),
        ("v=2", "v=1"),
        ("v=2", "v=2&v=2"),
        ("v=2", "v=2&x=1"),
        ("suite=scrypt", "suite=argon2id"),
        ("suite=scrypt", "suite=../scrypt"),
        ("suite=scrypt&", ""),
        ("n=16&", ""),
        ("n=16", "n=32"),
        ("n=16", "n=15"),
        ("n=16", "n=1"),
        ("n=16", "n=0"),
        ("n=16", "n=-16"),
        ("n=16", "n=016"),
        ("n=16", "n=٣"),
        ("n=16", "n=1048576&m=1"),
        ("r=1", "r=2"),
        ("p=1", "p=2"),
        ("salt=", "salt=00"),
        ("salt=", "salt=../"),
        ("app=shop", "app=bank"),
        ("&name=A", ""),
    ],
)
def test_params_cannot_be_dropped_doubled_swapped_added_or_be_paths(
    old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    token = made("password", "example-plaintext", {"app": "shop", "name": "A"}, suite="scrypt")
    assert old in token
    assert_all_refused([token.replace(old, new)], "example-plaintext", token)


@pytest.mark.parametrize(
    "costs",
    [
        "suite=scrypt&n=1048576&r=8&p=1",
        "suite=scrypt&n=262144&r=16&p=1",
        "suite=scrypt&n=131072&r=16&p=5",
        "suite=scrypt&n=16&r=17&p=1",
        "suite=argon2id&m=262145&t=1&p=1",
        "suite=argon2id&m=64&t=17&p=1",
        "suite=argon2id&m=1024&t=1&p=17",
        "suite=argon2id&m=9999999999&t=1&p=1",
    ],
)
def test_a_token_cannot_use_up_the_memory_of_its_reader(costs: str, typed: Callable[..., list[str]]) -> None:
    prompts = typed("example password")
    with pytest.raises(TokenError, match="costs more than the limit"):
        Secret(f"password:v=2&{costs}&salt={'0' * 32}:AAAA").get()
    assert prompts == []


def test_costs_that_do_not_go_together_are_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    with pytest.raises(TokenError, match="do not fit together"):
        Secret(f"password:v=2&suite=argon2id&m=8&t=1&p=4&salt={'0' * 32}:AAAA").get()


def test_the_costs_of_new_tokens_are_within_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for suite, costs in module.COSTS.items():
        params = {"v": "2", "suite": suite, "salt": "0" * 32, **{name: str(cost) for name, cost in costs.items()}}
        assert module._read_costs(Token("password", params)) == costs


def test_the_costs_of_new_tokens_are_those_that_are_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id: RFC 9106, section 4, second option. scrypt: the password storage cheat sheet of OWASP."""
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example-password")
    monkeypatch.setattr(module, "COSTS", RECOMMENDED)
    argon2id, scrypt = (parse(made("password", "x", suite=suite)).params for suite in ("argon2id", "scrypt"))
    assert {name: argon2id[name] for name in ("m", "t", "p")} == {"m": "65536", "t": "3", "p": "4"}
    assert {name: scrypt[name] for name in ("n", "r", "p")} == {"n": "131072", "r": "8", "p": "1"}


def test_an_unknown_suite_is_refused(typed: Callable[..., list[str]]) -> None:
    with pytest.raises(EncryptError, match="one of argon2id, scrypt"):
        made("password", "x", suite="md5")
    assert typed() == []


def test_a_token_of_1x_opens_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    with pytest.warns(LegacyTokenWarning, match="Encrypt the secret again"):
        assert Secret(LEGACY).get() == "example plaintext"
    with pytest.raises(TokenError, match="a salt and nothing else"):
        Secret(LEGACY.replace("salt=", "x=1&salt=")).get()


def test_a_raw_plus_in_the_salt_of_1x_is_a_plus() -> None:
    assert module._legacy_salt(Token("password", {"salt": "a b/c=="})) == "a+b/c=="


def test_a_cryptography_without_argon2id_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    # Imitates a build of cryptography against an OpenSSL before 3.2, which cannot be installed beside this one.
    def refuse(**_costs: object) -> None:
        raise UnsupportedAlgorithm("no Argon2id")

    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    monkeypatch.setattr(module, "Argon2id", refuse)
    with pytest.raises(SecretError, match="has no Argon2id"):
        made("password", "x")


# Written by secretcrypt 1.0.4 under an empty password.
EMPTY = "password:salt=NXaQXTfvzfhCReSitoo66w%3D%3D:2TyPo66s3maXmKXA7Q38yvqyYkA5TkmZLtx83D4lkSw="


@pytest.mark.parametrize("source", ["prompt", "variable", "file"])
def test_an_empty_password_opens_only_tokens_of_secretcrypt(
    source: str, home: Path, typed: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    ours = made("password", "example")
    monkeypatch.delenv("ZEMANTA_OPS_PASSWORD")
    prompts = typed("", "", "", "")
    (home / "empty").write_text("\n")
    if source != "prompt":
        monkeypatch.setenv(
            *{"variable": ("ZEMANTA_OPS_PASSWORD", ""), "file": ("ZEMANTA_OPS_PASSWORD_FILE", "empty")}[source]
        )
    with pytest.warns(LegacyTokenWarning):
        assert Secret(EMPTY).get() == "example"
    assert len(prompts) == (source == "prompt")
    with pytest.raises(ResolveError, match=r"1 secret could not(?s:.*)B \(password\): the password is empty"):
        decrypt_settings({"A": Secret(EMPTY), "B": Secret(ours)})
    with pytest.raises(MissingKeyError, match="the password is empty"):
        made("password", "example")
