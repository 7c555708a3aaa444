"""What each backend inherits, and which text is a token of one of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from zemanta_ops.secrets import backends, wire
from zemanta_ops.secrets.backends.base import Backend, BatchBackend, Option, check_options, from_base64, to_base64
from zemanta_ops.secrets.backends.plain import PlainBackend
from zemanta_ops.secrets.exceptions import DecryptError, EncryptError, SecretError, TokenError

BODY = "QUJDREVGRw=="


class Example(Backend):
    name = "example"
    options: ClassVar = {"key": Option("a key"), "mount_path": Option("a mount"), "many": Option("some", flag="one_of")}

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.gate: threading.Barrier | None = None

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> wire.Token:
        raise NotImplementedError

    def decrypt(self, token: wire.Token) -> bytes:
        self.seen.append(threading.get_ident())
        if self.gate:
            self.gate.wait(30)
        if token.ciphertext == "bad":
            raise DecryptError("bad")
        return token.ciphertext.encode()


class Wide(Example):
    concurrency: ClassVar[int] = 3


def tokens(*bodies: str) -> list[wire.Token]:
    return [wire.Token("example", {}, body) for body in bodies]


def test_tokens_are_decrypted_one_after_another_unless_it_pays() -> None:
    narrow, wide = Example(), Wide()
    for backend, given in ((narrow, tokens("a", "bad", "c")), (wide, tokens("a"))):
        results = backend.decrypt_many(given)
        assert [result if isinstance(result, bytes) else str(result) for result in results][:1] == [b"a"]
        assert set(backend.seen) == {threading.get_ident()}
    assert narrow.decrypt_many([]) == wide.decrypt_many([]) == []


@pytest.mark.parametrize(("number", "at_once"), [(2, 2), (3, 3), (6, 3)])
def test_tokens_are_decrypted_at_a_time_and_stay_in_order(number: int, at_once: int) -> None:
    wide = Wide()
    wide.gate = threading.Barrier(at_once)
    given = tokens(*("bad" if each == 1 else str(each) for each in range(number)))
    results = wide.decrypt_many(given)
    assert isinstance(results[1], SecretError)
    results[1] = b"1"
    assert results == [str(each).encode() for each in range(number)]


def test_a_backend_cannot_encrypt_anew_unless_it_says_so() -> None:
    assert Example().rewrap(wire.Token("example"), {}, key="x") is None


def test_one_token_is_the_only_result_of_a_batch() -> None:
    class Batch(BatchBackend):
        name = "batch"

        def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> wire.Token:
            raise NotImplementedError

        def decrypt_many(self, given: Sequence[wire.Token]) -> list[bytes | SecretError]:
            return [DecryptError("bad") if each.ciphertext == "bad" else each.ciphertext.encode() for each in given]

    assert Batch().decrypt(tokens("a")[0]) == b"a"
    with pytest.raises(DecryptError, match=r"^bad$"):
        Batch().decrypt(tokens("bad")[0])


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("key", "the argument KEY (rotate_secrets and migrate_secrets: --key)"),
        ("mount_path", "--mount-path"),
        ("many", "--one-of"),
        ("un_known", "--un-known"),
    ],
)
def test_an_option_is_spelled_as_on_the_command_line(name: str, spelled: str) -> None:
    assert Example().flag_of(name) == spelled


@pytest.mark.parametrize(
    ("options", "needed", "reason"),
    [
        ({"b": 1, "a": 2}, (), "the example backend has no option a, b; it has: key, mount_path, many"),
        (
            {"key": "", "mount_path": "x"},
            ("key", "mount_path", "many"),
            "the example backend needs key and many: use the argument KEY (rotate_secrets and migrate_secrets: --key) "
            "and --one-of, or set it in zemanta_ops.toml",
        ),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], needed: tuple[str, ...], reason: str) -> None:
    with pytest.raises(EncryptError) as caught:
        check_options(Example(), options, *needed)
    assert str(caught.value) == reason


def test_options_that_fit_are_accepted_and_a_backend_may_have_none() -> None:
    check_options(Example(), {"key": "x", "many": []}, "key")

    class Bare(Example):
        options: ClassVar = {}

    with pytest.raises(EncryptError, match=r"^the example backend has no option key; it has: none$"):
        check_options(Bare(), {"key": "x"})


def test_base64_is_standard_and_white_space_means_nothing() -> None:
    assert to_base64(b"\xfb\xff") == "+/8="
    token = wire.Token("example", {}, "+ /\n8=\t")
    assert from_base64(token) == b"\xfb\xff"
    assert from_base64(token, "") == b""
    for text in ("+/9=", "-_8=", "+/8", "!"):
        with pytest.raises(TokenError) as caught:
            from_base64(token, text)
        assert str(caught.value) == "malformed example token: the ciphertext is not base64"


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Register a backend of a user."""
    monkeypatch.setattr(backends, "_PATHS", dict(backends._PATHS))
    monkeypatch.setattr(backends, "_loaded", {})
    backends.register("own", "zemanta_ops.secrets.backends.plain.PlainBackend")
    yield "own"
    backends._patterns.cache_clear()


def test_a_backend_is_loaded_once_and_again_if_it_is_replaced(own: str) -> None:
    first = backends.load(own)
    assert type(first) is PlainBackend
    assert backends.load(own) is first
    backends.register(own, f"{__name__}.Example")
    assert type(backends.load(own)) is Example
    assert backends.names() == ["kms", "local", "own", "password", "plain", "sealed", "vault"]
    backends.register("another", f"{__name__}.Example")
    for name in ("No", "a b", "", "a:b"):
        with pytest.raises(TokenError):
            backends.register(name, f"{__name__}.Example")


def test_an_unknown_backend_is_refused_with_the_known_ones() -> None:
    for use in (backends.check, backends.load):
        with pytest.raises(TokenError) as caught:
            use("hunter2")
        assert str(caught.value) == "unknown backend; known are kms, local, password, plain, sealed, vault"


@pytest.mark.parametrize(
    ("text", "is_token"),
    [
        (f"local:v=2:{BODY}", True),
        (f"  local::{BODY}\n", True),
        (f"vault:v=1:vault:v12:{BODY}", True),
        (f"sealed:v=1:{BODY}.{BODY}", True),
        ("local:v=2:not encoded", False),
        ("local:v=2:short", False),
        ("local: see below: it is prose", False),
        (f"unknown:v=2:{BODY}", False),
        (f"local:v:{BODY}", False),
        ("own:v=1:any!body", True),
        ("own:v=1:any body", False),
        ("plain::any body\nat all", True),
        (f"x local:v=2:{BODY}", False),
    ],
)
def test_a_text_is_a_token_if_its_backend_is_known_and_its_body_encoded(text: str, is_token: bool, own: str) -> None:
    assert backends.is_token(text) is is_token
    assert backends.is_token(text, plain=False) is (is_token and not text.startswith("plain"))
    starts = (f"{name}:" in text for name in backends.names())
    assert backends.may_hold_tokens(text) is any(starts)


def test_tokens_are_found_in_prose_and_blanked(own: str) -> None:
    one, two = f"local:v=2:{BODY}", f"vault:v=1&key=a:vault:v1:{BODY}"
    text = f'a = "{one}"; b=({two}), local:v:{BODY} plain::x'
    assert [match[0] for match in backends.find_tokens(text)] == [one, two]
    assert backends.blank_tokens(text) == text.replace(one, " " * len(one)).replace(two, " " * len(two))
    assert [match[0] for match in backends.find_tokens(one)] == [one]
    for before in ("a", "9", "_", "-", "."):
        assert list(backends.find_tokens(f"{before}{one}")) == []
