"""What is refused of a sealed token before a key is read, and the words of each refusal."""

from __future__ import annotations

import pytest

from tests.secrets.backends.sealed_keys import CLASSIC_KEY, HYBRID_KEY, OTHER_CLASSIC_KEY, Hold, sealed
from tests.secrets.tokens import made
from zemanta_ops.secrets import Secret, ledger, wire
from zemanta_ops.secrets.backends import sealed as module
from zemanta_ops.secrets.backends._agekeys import CLASSIC, Identity
from zemanta_ops.secrets.backends.sealed import SealedBackend
from zemanta_ops.secrets.exceptions import ContextError, EncryptError, MissingKeyError, TokenError, WrongKeyError
from zemanta_ops.secrets.redaction import redact

ONE = {"v": "1", "suite": "x25519", "key": "0" * 16}
UNKNOWN = "malformed sealed token: unknown version or suite"
IDS = "malformed sealed token: its key is not a list of key ids"
PARTS = "malformed sealed token: it needs one ciphertext for each key id"


@pytest.mark.parametrize(
    ("params", "body", "reason"),
    [
        ({**ONE, "v": "2"}, "QUJD", UNKNOWN),
        ({**ONE, "suite": "x448"}, "QUJD", UNKNOWN),
        ({**ONE, "key": "0" * 15}, "QUJD", IDS),
        ({**ONE, "key": f"{'0' * 16}.{'0' * 16}"}, "QUJD.QUJD", IDS),
        ({**ONE, "key": ".".join(f"{each:016x}" for each in range(9))}, ".".join(["QUJD"] * 9), IDS),
        ({**ONE, "key": f"{'0' * 16}.{'1' * 16}"}, "QUJD", PARTS),
        (ONE, "QUJD.QUJD", PARTS),
    ],
)
def test_a_malformed_token_is_refused_without_a_key(params: dict[str, str], body: str, reason: str) -> None:
    [result] = SealedBackend().decrypt_many([wire.Token("sealed", params, body)])
    assert isinstance(result, TokenError)
    assert str(result) == reason


def test_a_token_may_have_eight_recipients_and_no_more(hold: Hold) -> None:
    keys = [Identity(CLASSIC, bytes([number] * 32)) for number in range(1, 10)]
    hold(keys[7].text())
    assert Secret(sealed("example", *keys[:8])).get() == "example"
    with pytest.raises(EncryptError) as caught:
        sealed("example", *keys)
    assert str(caught.value) == "a sealed token takes at most 8 recipients"


def test_recipients_of_both_suites_are_refused_with_the_reason() -> None:
    with pytest.raises(EncryptError) as caught:
        sealed("example", CLASSIC_KEY, HYBRID_KEY)
    assert str(caught.value) == (
        "recipients of both suites cannot share a token: x25519 would undo the post-quantum protection"
    )


def test_a_token_for_others_names_the_keys_of_both_sides(hold: Hold) -> None:
    hold(f"{OTHER_CLASSIC_KEY.text()}\n{HYBRID_KEY.text()}")
    third = Identity(CLASSIC, bytes(range(2, 34)))
    with pytest.raises(MissingKeyError) as caught:
        Secret(sealed("example", CLASSIC_KEY, third)).get()
    needed, held = (
        ", ".join(key.recipient.key_id for key in keys)
        for keys in ((CLASSIC_KEY, third), (OTHER_CLASSIC_KEY, HYBRID_KEY))
    )
    assert f"the token is sealed to {needed}, but ZEMANTA_OPS_SEALED_KEY holds the private key of {held}" in str(
        caught.value
    )


def test_a_changed_token_is_reported_as_such(hold: Hold) -> None:
    hold(CLASSIC_KEY.text())
    token = wire.parse(sealed("example", CLASSIC_KEY, app="shop"))
    changed = wire.Token("sealed", {**token.params, "app": "bank"}, token.ciphertext)
    [result] = SealedBackend().decrypt_many([changed])
    assert isinstance(result, WrongKeyError)
    assert str(result) == "the sealed token, its app or its name was changed"


@pytest.mark.parametrize("other", [{"key": "1" * 16}, {"suite": "mlkem768x25519"}, {"app": "shop"}])
def test_keys_suite_and_context_are_part_of_what_is_authenticated(other: dict[str, str]) -> None:
    """Two tokens that differ in one of them have different parts: none can be moved."""
    infos = {module._info(wire.Token("sealed", params)) for params in (ONE, {**ONE, **other})}
    assert len(infos) == 2


def test_a_private_key_that_was_cut_is_redacted_all_the_same(hold: Hold) -> None:
    cut = CLASSIC_KEY.text()[:-3]
    hold(f"# created: today, by example\n {cut} \n")
    with pytest.raises(MissingKeyError, match=r"^[^#]*ZEMANTA_OPS_SEALED_KEY: expected private keys of age"):
        Secret(sealed("x", CLASSIC_KEY)).get()
    assert redact(f"key {cut}, # created: today, by example") == "key <redacted>, # created: today, by example"


@pytest.mark.parametrize(
    ("held", "kind", "reason"),
    [
        (
            lambda: made("plain", made("plain", "x")),
            MissingKeyError,
            "the token in ZEMANTA_OPS_SEALED_KEY holds another token: encrypt the private key itself",
        ),
        (
            lambda: sealed("x", CLASSIC_KEY),
            MissingKeyError,
            "ZEMANTA_OPS_SEALED_KEY holds a sealed token, which needs that same key: use another backend for it",
        ),
        (
            lambda: made("plain", "x", {"name": "OTHER"}),
            ContextError,
            "the token in ZEMANTA_OPS_SEALED_KEY is bound to another name",
        ),
        (
            lambda: made("local", b"\xff"),
            MissingKeyError,
            "the token in ZEMANTA_OPS_SEALED_KEY does not hold a private key of age",
        ),
        (
            lambda: "local:v=3&key=0:QUJD",
            MissingKeyError,
            "the token in ZEMANTA_OPS_SEALED_KEY (local) cannot be decrypted: malformed local token: "
            "unknown version or key id",
        ),
        (
            lambda: made("local", "x", {"app": "shop"}).replace("shop", "bank"),
            WrongKeyError,
            "the token in ZEMANTA_OPS_SEALED_KEY (local) cannot be decrypted: "
            "the local token, its app or its name was changed",
        ),
    ],
)
def test_a_token_that_does_not_hold_the_key_is_refused_with_the_reason(
    held: object, kind: type[Exception], reason: str, hold: Hold
) -> None:
    assert callable(held)
    hold(held())
    [result] = SealedBackend().decrypt_many([wire.Token("sealed", ONE, "QUJD")])
    assert (type(result), str(result)) == (kind, reason)


def test_what_a_token_holds_in_place_of_a_key_is_redacted(hold: Hold) -> None:
    inner = made("plain", "example-inner")
    hold(made("plain", inner))
    SealedBackend().decrypt_many([wire.Token("sealed", ONE, "QUJD")])
    assert inner in ledger.plaintexts()
