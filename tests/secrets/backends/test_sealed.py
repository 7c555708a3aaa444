"""The sealed backend: who can read a token, and the sources of the private key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.secrets.broken import assert_all_refused, cut_and_flipped
from tests.secrets.tokens import made
from zemanta_ops.secrets import Secret, SecretError, backends, decrypt_settings, ledger, wire
from zemanta_ops.secrets.backends import _agekeys, _bech32
from zemanta_ops.secrets.backends._agekeys import CLASSIC, HYBRID, Identity
from zemanta_ops.secrets.exceptions import ContextError, EncryptError, MissingKeyError, TokenError, WrongKeyError
from zemanta_ops.secrets.redaction import redact

HYBRID_KEY, OTHER_HYBRID_KEY = Identity(HYBRID, bytes(range(32))), Identity(HYBRID, bytes(range(1, 33)))
CLASSIC_KEY, OTHER_CLASSIC_KEY = Identity(CLASSIC, bytes(range(32))), Identity(CLASSIC, bytes(range(1, 33)))

Hold = Callable[..., None]


@pytest.fixture
def hold(home: Path, monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Return a function that gives this process private keys, or the text that represents them."""
    for variable in ("ZEMANTA_OPS_SEALED_KEY", "ZEMANTA_OPS_SEALED_KEY_FILE"):
        monkeypatch.delenv(variable, raising=False)

    def hold(*keys: Identity | str) -> None:
        lines = [key if isinstance(key, str) else key.text() for key in keys]
        monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", "\n".join(lines))

    return hold


def sealed(plaintext: str | bytes, *keys: Identity, **context: str) -> str:
    return made("sealed", plaintext, context, recipients=[str(key.recipient) for key in keys])


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


def test_the_private_key_may_be_in_a_file_as_age_keygen_writes_it(
    hold: Hold, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "example.key"
    path.write_text(f"# created: today\n# public key: {CLASSIC_KEY.recipient}\n{CLASSIC_KEY.text()}\n")
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY_FILE", str(path))
    assert Secret(sealed("example", CLASSIC_KEY)).get() == "example"
    path.unlink()
    with pytest.raises(MissingKeyError, match="ZEMANTA_OPS_SEALED_KEY_FILE names cannot be read"):
        Secret(sealed("example", CLASSIC_KEY)).get()


def test_a_private_key_typed_in_lower_case_is_redacted_in_both_spellings(hold: Hold) -> None:
    text = CLASSIC_KEY.text()
    hold(text.lower())
    assert Secret(sealed("example", CLASSIC_KEY)).get() == "example"
    assert redact(f"a {text} b {text.lower()}") == "a <redacted> b <redacted>"


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
@pytest.mark.parametrize("prefix", ["AGE-SECRET-KEY-1", "AGE-SECRET-KEY-PQ-1"])
def test_a_private_key_of_another_length_is_refused(prefix: str, length: int, hold: Hold) -> None:
    """Its check sum is right, so only its length shows that it is not a key."""
    text = _bech32.encode(prefix.lower()[:-1], bytes(range(length))).upper()
    assert text.startswith(prefix)
    hold(text)
    with pytest.raises(MissingKeyError, match="expected private keys of age"):
        Secret(sealed("x", CLASSIC_KEY)).get()


@pytest.mark.parametrize("text", ["hunter2", CLASSIC_KEY.text()[:-1], "# only a comment", str(CLASSIC_KEY.recipient)])
def test_what_is_no_private_key_is_refused_and_not_repeated(text: str, hold: Hold) -> None:
    hold(text)
    with pytest.raises(MissingKeyError, match="expected private keys of age") as caught:
        Secret(sealed("x", CLASSIC_KEY)).get()
    assert text not in str(caught.value)


def test_the_private_key_may_itself_be_a_token_and_is_fetched_once_for_all(
    hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(made("local", HYBRID_KEY.text(), {"name": "ZEMANTA_OPS_SEALED_KEY"}))
    calls: list[wire.Token] = []
    local = backends.load("local")
    decrypt = local.decrypt

    def counted(token: wire.Token) -> bytes:
        calls.append(token)
        return decrypt(token)

    monkeypatch.setattr(local, "decrypt", counted)
    settings = {"A": Secret(sealed("example one", HYBRID_KEY)), "B": [Secret(sealed("example two", HYBRID_KEY))]}
    decrypt_settings(settings)
    assert settings == {"A": "example one", "B": ["example two"]}
    assert len(calls) == 1
    assert HYBRID_KEY.text() in ledger.plaintexts()


def test_a_token_in_a_token_is_an_error(hold: Hold) -> None:
    hold(made("local", made("local", CLASSIC_KEY.text())))
    with pytest.raises(MissingKeyError, match="holds another token"):
        Secret(sealed("x", CLASSIC_KEY)).get()


def test_a_sealed_token_cannot_hold_the_key_of_sealed_tokens(hold: Hold) -> None:
    hold(sealed(CLASSIC_KEY.text(), CLASSIC_KEY))
    with pytest.raises(MissingKeyError, match="holds a sealed token"):
        Secret(sealed("x", CLASSIC_KEY)).get()


def test_the_token_of_another_setting_cannot_stand_for_the_key(hold: Hold) -> None:
    hold(made("local", CLASSIC_KEY.text(), {"name": "EMAIL_HOST_PASSWORD"}))
    with pytest.raises(ContextError, match="another name"):
        Secret(sealed("x", CLASSIC_KEY)).get()


def test_why_the_token_of_the_key_fails_is_said(hold: Hold, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(made("local", CLASSIC_KEY.text()))
    monkeypatch.setenv("ZEMANTA_OPS_KEY_DIR", str(home / "another"))
    with pytest.raises(MissingKeyError, match=r"the token in ZEMANTA_OPS_SEALED_KEY \(local\) cannot be decrypted"):
        Secret(sealed("x", CLASSIC_KEY)).get()
    hold("unknown::token")
    with pytest.raises(SecretError, match="unknown backend"):
        Secret(sealed("x", CLASSIC_KEY)).get()


def test_a_key_token_that_is_not_text_is_an_error(hold: Hold) -> None:
    hold(made("local", b"\xff\xfe"))
    with pytest.raises(MissingKeyError, match="does not hold a private key"):
        Secret(sealed("x", CLASSIC_KEY)).get()


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


def test_neither_repr_nor_str_of_a_private_key_shows_it() -> None:
    shown = f"{HYBRID_KEY!r} {HYBRID_KEY}"
    assert HYBRID_KEY.text() not in shown
    assert repr(HYBRID_KEY.seed) not in shown


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
