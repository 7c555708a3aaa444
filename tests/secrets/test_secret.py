"""Secret, StrictSecret and templates."""

from __future__ import annotations

import copy
import json
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.tokens import local
from zemanta_ops.secrets import Secret, SecretError, StrictSecret, decrypt_settings, ledger
from zemanta_ops.secrets.backends.plain import PlainBackend
from zemanta_ops.secrets.exceptions import ContextError, DecryptError, ResolveError, TokenError

PLAINTEXT = "example-plaintext-of-a-test"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count decryptions; each takes long enough for other threads to arrive."""
    made: list[str] = []
    decrypt = PlainBackend.decrypt

    def slow(self: PlainBackend, token: Any) -> bytes:
        made.append(token.backend)
        threading.Event().wait(0.05)
        return decrypt(self, token)

    monkeypatch.setattr(PlainBackend, "decrypt", slow)
    return made


def test_a_secret_is_text_or_bytes(home: Path) -> None:
    token = local(PLAINTEXT)
    assert Secret(token).get() == PLAINTEXT
    assert Secret(token).get_bytes() == PLAINTEXT.encode()
    assert StrictSecret(token).decrypt() == PLAINTEXT
    assert StrictSecret(token).decrypt_bytes() == PLAINTEXT.encode()


def test_the_empty_secret_is_empty(home: Path) -> None:
    assert Secret("").get() == ""
    assert Secret("").get_bytes() == b""
    assert StrictSecret("").decrypt() == ""


@pytest.mark.parametrize(
    "text",
    ["hunter2-pasted-by-mistake", "a:b", "kms", "nosuch::hunter2", "kms:region:hunter2", "KMS:a=b:hunter2", ":::"],
)
@pytest.mark.parametrize("kind", [Secret, StrictSecret])
def test_a_malformed_token_is_refused_at_once_and_never_repeated(kind: type[Secret], text: str) -> None:
    with pytest.raises(TokenError) as caught:
        kind(text)
    assert "hunter2" not in str(caught.value)
    assert "nosuch" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("given", [None, b"local::AAAA", 7, ["local::AAAA"]])
def test_what_is_no_text_is_refused_as_no_token(given: Any) -> None:
    with pytest.raises(TokenError, match="expected text"):
        Secret(given)


@pytest.mark.parametrize("backend", ["kms", "local", "password", "plain", "sealed", "vault"])
def test_a_param_that_is_no_unicode_is_a_secret_error(backend: str, home: Path) -> None:
    # What the command line makes of a byte that is not UTF-8.
    secret = Secret(f"{backend}:v=\udcff&app=\udcfe:AAAA")
    try:
        assert secret.get(app="\udcfe") == "AAAA"
    except SecretError as error:
        assert backend != "plain"
        assert "\udcff" not in str(error)


@pytest.mark.parametrize("first", [0, 1])
def test_a_token_with_a_doubled_param_is_not_taken_for_the_one_without(first: int, home: Path) -> None:
    good = local(PLAINTEXT)
    tokens = [Secret(good), Secret(good.replace("v=2&", "v=2&v=2&"))]
    settings: dict[str, Any] = {"A": tokens[first], "B": tokens[1 - first]}
    with pytest.raises(ResolveError) as caught:
        decrypt_settings(settings)
    assert list(caught.value.failures) == ["AB"[1 - first]]


def test_a_secret_of_few_characters_counts_as_short_however_many_bytes_they_take(home: Path) -> None:
    Secret(local("éèàüö")).get()
    assert [entry.short for entry in ledger.entries()] == [True]


def test_each_token_of_a_template_is_recorded(home: Path) -> None:
    """The checks look at each: a template may have a token that is bound and one that is not."""
    template = Secret.template("{}:{}", local("example-user", app="shop"), local("example-password"))
    assert template.get(app="shop") == "example-user:example-password"
    assert [(entry.path, entry.context) for entry in ledger.entries()] == [("", {"app": "shop"}), ("", {})]


def test_threads_share_one_decryption(calls: list[str]) -> None:
    secret = Secret(f"plain::{PLAINTEXT}")
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: secret.get(), range(8))) == {PLAINTEXT}
    assert secret.get() == PLAINTEXT
    assert calls == ["plain"]


def test_a_strict_secret_decrypts_every_time_and_is_kept_nowhere(calls: list[str]) -> None:
    secret = StrictSecret(f"plain::{PLAINTEXT}")
    assert secret.decrypt() == secret.decrypt() == PLAINTEXT
    assert calls == ["plain", "plain"]
    assert not ledger.plaintexts()
    assert [entry.backend for entry in ledger.entries()] == ["plain"]


def test_a_child_does_not_wait_for_a_decryption_of_its_parent(calls: list[str]) -> None:
    secret = Secret(f"plain::{PLAINTEXT}")
    thread = threading.Thread(target=secret.get)
    thread.start()
    while not calls:
        pass
    if (child := os.fork()) == 0:
        os._exit(0 if secret.get() == PLAINTEXT else 1)
    assert os.waitpid(child, 0)[1] == 0
    thread.join()


@pytest.mark.parametrize("decrypted", [False, True])
@pytest.mark.parametrize("kind", [Secret, StrictSecret])
def test_nothing_shows_the_plaintext_or_the_token(kind: type[Any], decrypted: bool, home: Path) -> None:
    token = local(PLAINTEXT)
    secret = kind(token)
    if decrypted:
        (secret.get if kind is Secret else secret.decrypt)()
    shown = [repr(secret), repr([secret]), str([secret]), "%r" % secret, f"{secret!r}"]  # noqa: UP031
    for text in shown:
        assert PLAINTEXT not in text
        assert token not in text
        assert "<redacted>" in text
    with pytest.raises(TypeError):
        vars(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_an_f_string_of_a_secret_is_refused(home: Path) -> None:
    with pytest.raises(TokenError, match=r"\.get\(\)"):
        f"redis://:{Secret(local(PLAINTEXT))}@host"


def test_copies_and_pickles_carry_the_token_only(home: Path) -> None:
    secret = Secret(local(PLAINTEXT))
    template = Secret.template("redis://:{}@cache/0", local(PLAINTEXT))
    for original in (secret, template):
        value = original.get()
        pickled = pickle.dumps(original)
        assert PLAINTEXT.encode() not in pickled
        for twin in (copy.copy(original), copy.deepcopy(original), pickle.loads(pickled)):
            assert twin.get() == value


def test_a_template_puts_plaintexts_into_a_pattern(home: Path) -> None:
    assert Secret.template("redis://:{}@cache/0", local("a/b")).get() == "redis://:a/b@cache/0"
    assert Secret.template("redis://:{}@cache/0", local("a/b@"), quote=True).get() == "redis://:a%2Fb%40@cache/0"
    assert Secret.template("{{{}}}:{}", local("x"), local("y")).get() == "{x}:y"


def test_a_template_is_revealed_whole_and_in_parts(home: Path) -> None:
    Secret.template("redis://:{}@cache/0", local(PLAINTEXT)).get()
    assert ledger.plaintexts() == {PLAINTEXT, f"redis://:{PLAINTEXT}@cache/0"}


@pytest.mark.parametrize("pattern", ["no braces", "{} {}", "{0}", "{name}", "{!r}", "{:>10}", "{", "{}}"])
def test_a_template_has_one_plain_field_a_token(pattern: str, home: Path) -> None:
    with pytest.raises(TokenError, match=r"one \{\} for each token"):
        Secret.template(pattern, local("x"))


def test_what_is_not_utf8_can_be_had_as_bytes(home: Path) -> None:
    secret = Secret(local(b"\xff\xfe\x00"))
    with pytest.raises(DecryptError, match="get_bytes"):
        secret.get()
    assert secret.get_bytes() == b"\xff\xfe\x00"


@pytest.mark.parametrize("plaintext", [b"", b"\x00", b"a\r\nb\r\n", b"x" * 1024 * 1024])
def test_any_bytes_come_back_as_they_were(plaintext: bytes, home: Path) -> None:
    assert Secret(local(plaintext)).get_bytes() == plaintext


def test_a_token_that_carries_a_name_needs_it(home: Path) -> None:
    token = local(PLAINTEXT, app="shop", name="DB_PASSWORD")
    assert Secret(token).get(name="DB_PASSWORD", app="shop") == PLAINTEXT
    assert StrictSecret(token).decrypt(name="DB_PASSWORD", app="shop") == PLAINTEXT
    for stated in ({}, {"name": "OTHER"}, {"name": "DB_PASSWORD", "app": "bank"}):
        for read in (Secret(token).get, StrictSecret(token).decrypt):
            with pytest.raises(ContextError):
                read(**stated)


def test_a_stated_name_is_compared_each_time(home: Path) -> None:
    """Also when the plaintext is known: code that asks for another setting must not get this one."""
    secret = Secret(local(PLAINTEXT, app="shop", name="DB_PASSWORD"))
    assert secret.get(name="DB_PASSWORD", app="shop") == PLAINTEXT
    for stated in ({"name": "OTHER"}, {"name": "DB_PASSWORD", "app": "bank"}):
        with pytest.raises(ContextError):
            secret.get(**stated)
        with pytest.raises(ContextError):
            secret.get_bytes(**stated)


def test_a_failed_decryption_can_be_tried_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret(local(PLAINTEXT))
    key_dir = home / "data" / "zemanta_ops"
    key_dir.rename(home / "away")
    with pytest.raises(SecretError):
        secret.get()
    (home / "away").rename(key_dir)
    assert secret.get() == PLAINTEXT
