"""The sealed backend: who can read a token."""

from __future__ import annotations

import pytest

from tests.secrets.backends.sealed_keys import (
    CLASSIC_KEY,
    HYBRID_KEY,
    OTHER_CLASSIC_KEY,
    OTHER_HYBRID_KEY,
    Hold,
    sealed,
)
from tests.secrets.broken import assert_all_refused, cut_and_flipped
from tests.secrets.tokens import made
from zemanta_ops.secrets import Secret, SecretError, backends, wire
from zemanta_ops.secrets.backends import _agekeys
from zemanta_ops.secrets.backends._agekeys import CLASSIC, HYBRID, Identity
from zemanta_ops.secrets.exceptions import EncryptError, MissingKeyError, TokenError, WrongKeyError


@pytest.mark.parametrize("key", [HYBRID_KEY, CLASSIC_KEY], ids=lambda key: str(key.suite))
@pytest.mark.parametrize("plaintext", [b"", b"example", b"\xff\x00\r\n", b"x" * 2**20], ids=len)
def test_a_token_opens_with_the_private_key(key: Identity, plaintext: bytes, hold: Hold) -> None:
    hold(key)
    token = sealed(plaintext, key, app="shop", name="A")
    assert Secret(token).get_bytes(name="A", app="shop") == plaintext
    assert key.recipient.key_id in token


def test_the_public_key_is_enough_to_encrypt_and_not_to_decrypt(hold: Hold) -> None:
    token = sealed("example", HYBRID_KEY)
    with pytest.raises(MissingKeyError, match="no private key: set ZEMANTA_OPS_SEALED_KEY"):
        Secret(token).get()


def test_another_private_key_says_which_one_is_needed(hold: Hold) -> None:
    hold(OTHER_HYBRID_KEY)
    with pytest.raises(MissingKeyError) as caught:
        Secret(sealed("example", HYBRID_KEY)).get()
    assert HYBRID_KEY.recipient.key_id in str(caught.value)
    assert OTHER_HYBRID_KEY.recipient.key_id in str(caught.value)


@pytest.mark.parametrize(("old", "new"), [(HYBRID_KEY, OTHER_HYBRID_KEY), (CLASSIC_KEY, OTHER_CLASSIC_KEY)])
def test_during_a_key_change_either_private_key_opens_a_token(old: Identity, new: Identity, hold: Hold) -> None:
    token = sealed("example", old, new)
    for keys in ([old], [new], [new, old]):
        hold(*keys)
        assert Secret(token).get() == "example"


def test_during_a_key_change_one_process_reads_tokens_of_both_keys(hold: Hold) -> None:
    hold(HYBRID_KEY, OTHER_HYBRID_KEY, CLASSIC_KEY)
    tokens = [sealed("one", HYBRID_KEY), sealed("two", OTHER_HYBRID_KEY), sealed("three", CLASSIC_KEY)]
    assert [Secret(token).get() for token in tokens] == ["one", "two", "three"]


def test_recipients_of_both_suites_are_refused() -> None:
    with pytest.raises(EncryptError, match="both suites"):
        sealed("example", HYBRID_KEY, CLASSIC_KEY)


def test_recipients_are_needed_and_limited() -> None:
    with pytest.raises(EncryptError, match="needs recipients"):
        made("sealed", "x")
    with pytest.raises(EncryptError, match="at most 8"):
        sealed("x", *(Identity(CLASSIC, bytes([number] * 32)) for number in range(9)))


def test_a_token_of_more_parts_than_that_is_refused(hold: Hold) -> None:
    hold(CLASSIC_KEY)
    backend, params, body = sealed("x", CLASSIC_KEY).split(":")
    own = CLASSIC_KEY.recipient.key_id

    def grown(parts: int) -> str:
        ids = ".".join([own, *(f"{number:016x}" for number in range(1, parts))])
        return f"{backend}:{params.replace(own, ids)}:{'.'.join([body] * parts)}"

    with pytest.raises(WrongKeyError):
        Secret(grown(8)).get()
    with pytest.raises(TokenError, match="not a list of key ids"):
        Secret(grown(9)).get()


def test_a_recipient_named_twice_counts_once() -> None:
    assert "." not in sealed("x", CLASSIC_KEY, CLASSIC_KEY)


@pytest.mark.parametrize(
    "recipient",
    [
        "age1",
        CLASSIC_KEY.text(),
        str(CLASSIC_KEY.recipient)[:-1],
        str(CLASSIC_KEY.recipient).replace("age1", "AGE1"),
        str(CLASSIC_KEY.recipient).replace("q", "p", 1),
        _agekeys._write(_agekeys._PUBLIC, HYBRID, b"short"),
        _agekeys._write(_agekeys._PUBLIC, HYBRID, b"\xff" * 1216),
        _agekeys._write(_agekeys._PUBLIC, CLASSIC, bytes(33)),
    ],
)
def test_what_is_no_public_key_is_refused_and_not_repeated(recipient: str) -> None:
    with pytest.raises(EncryptError, match="public key") as caught:
        made("sealed", "x", recipients=recipient)
    assert recipient == "age1" or recipient not in str(caught.value)


def test_an_x25519_token_is_short() -> None:
    assert len(wire.parse(sealed("7 bytes", CLASSIC_KEY)).ciphertext) == 76
    assert len(wire.parse(sealed("7 bytes", HYBRID_KEY)).ciphertext) == 1524


def test_the_same_plaintext_gives_another_token_each_time() -> None:
    assert sealed("x", CLASSIC_KEY) != sealed("x", CLASSIC_KEY)


@pytest.mark.parametrize("key", [HYBRID_KEY, CLASSIC_KEY], ids=lambda key: str(key.suite))
def test_every_cut_and_every_flipped_byte_is_refused(key: Identity, hold: Hold) -> None:
    hold(key)
    token = sealed("example-plaintext", key, app="shop", name="A", team="web")
    assert_all_refused(cut_and_flipped(token), "example-plaintext", token)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v=1&", ""),
        ("v=1", "v=2"),
        ("v=1", "v=1&v=1"),
        ("v=1", "v=1&x=1"),
        ("v=1", "v=1&address=http://127.0.0.1/"),
        ("suite=x25519&", ""),
        ("suite=x25519", "suite=mlkem768x25519"),
        ("suite=x25519", "suite=../../x25519"),
        ("key=", "key=../../etc/passwd&k="),
        ("key=", "key=../"),
        ("&key=", "&c.app=x&key="),
        ("app=shop", "app=bank"),
        ("app=shop", "app=A"),
        ("name=A", "name=shop"),
        ("&name=A", ""),
        ("&app=shop&name=A", ""),
    ],
)
def test_params_cannot_be_dropped_doubled_swapped_added_or_be_paths(old: str, new: str, hold: Hold) -> None:
    hold(CLASSIC_KEY)
    token = sealed("example-plaintext", CLASSIC_KEY, app="shop", name="A")
    assert old in token
    assert_all_refused([token.replace(old, new)], "example-plaintext", token)


def test_parts_and_keys_of_two_tokens_cannot_be_mixed(hold: Hold) -> None:
    hold(CLASSIC_KEY, OTHER_CLASSIC_KEY)
    two, one = sealed("two", CLASSIC_KEY, OTHER_CLASSIC_KEY), sealed("one", CLASSIC_KEY)
    ids, body = wire.parse(two).params["key"], wire.parse(two).ciphertext
    first = ids.partition(".")[0]
    mixed = [
        two.replace(ids, first),
        two.replace(ids, first).replace(body, body.partition(".")[0]),
        two.replace(ids, ".".join(reversed(ids.split(".")))),
        two.replace(ids, f"{first}.{first}"),
        one.replace(wire.parse(one).ciphertext, body.partition(".")[0]),
    ]
    assert_all_refused(mixed, "example-plaintext", two)


def test_a_key_of_the_other_suite_under_the_same_id_does_not_open(hold: Hold, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(CLASSIC_KEY)
    monkeypatch.setattr(_agekeys.Recipient, "key_id", "0123456789abcdef")
    with pytest.raises(WrongKeyError, match="was changed"):
        Secret(sealed("x", HYBRID_KEY)).get()


def test_a_malformed_token_among_good_ones_fails_alone(hold: Hold) -> None:
    hold(CLASSIC_KEY)
    good, bad = wire.parse(sealed("x", CLASSIC_KEY)), wire.Token("sealed", {}, "")
    first, second = backends.load("sealed").decrypt_many([bad, good])
    assert isinstance(first, TokenError)
    assert second == b"x"


def test_without_a_key_a_malformed_token_is_still_called_malformed(hold: Hold) -> None:
    first, second = backends.load("sealed").decrypt_many(
        [wire.Token("sealed", {}, ""), wire.parse(sealed("x", CLASSIC_KEY))]
    )
    assert isinstance(first, TokenError)
    assert isinstance(second, MissingKeyError)


def test_a_cryptography_without_ml_kem_is_an_error_that_says_what_to_do(
    hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Imitates a build of cryptography against an OpenSSL before 3.5, which cannot be installed beside this one.
    from cryptography.exceptions import UnsupportedAlgorithm

    def refuse(_data: bytes) -> None:
        raise UnsupportedAlgorithm("no ML-KEM")

    token = sealed("x", HYBRID_KEY)
    hold(_agekeys.generate(HYBRID))
    recipient = str(HYBRID_KEY.recipient)

    class Without:
        from_public_bytes = from_seed_bytes = staticmethod(refuse)

    monkeypatch.setattr(_agekeys, "MLKEM768PrivateKey", Without)
    monkeypatch.setattr(_agekeys, "MLKEM768PublicKey", Without)
    with pytest.raises(SecretError, match="has no ML-KEM"):
        Secret(token).get()
    with pytest.raises(SecretError, match="has no ML-KEM"):
        made("sealed", "x", recipients=recipient)
