"""Every backend with tokens cut, flipped and mixed, and with every kind of plaintext.

The suites of single backends (tests/secrets/backends) go further into what each refuses. Here all of them meet the
same input; nothing but a SecretError may come out, and never the input.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.broken import assert_all_refused, cut_and_flipped, outcomes
from tests.secrets.test_canary import CHEAP, HYBRID, IDENTITY, PASSWORD
from tests.secrets.test_vectors import VECTORS
from tests.secrets.tokens import made
from tests.servers.kms import ALIAS, KMS, REGION
from zemanta_ops.secrets import LegacyTokenWarning, Secret, SecretError, wire
from zemanta_ops.secrets.backends import _aws_calls, password
from zemanta_ops.secrets.exceptions import EncryptError

PLAINTEXT = "example-plaintext"
OFFLINE: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("plain", {}),
    "local": ("local", {}),
    "argon2id": ("password", {"suite": "argon2id"}),
    "scrypt": ("password", {"suite": "scrypt"}),
    "x25519": ("sealed", {"recipients": str(IDENTITY.recipient)}),
    "hybrid": ("sealed", {"recipients": str(HYBRID.recipient)}),
}
VAULT = next(vector["token"] for vector in VECTORS if vector["format"] == "vault v1, bound")
BYTES = {
    "empty": b"",
    "one byte": b"\x00",
    "CRLF": b"two\r\nlines\r\n",
    "NUL": b"a\x00b\x00",
    "not UTF-8": b"\xff\xfe\x80 example",
    "blank": b" \t ",
    "colons": b"kms:region=x:AAAA",
    "1 MiB": b"\x9f" * 2**20,
}


@pytest.fixture(autouse=True)
def keys(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every key, and reach no service."""
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", PASSWORD)
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", f"{IDENTITY.text()}\n{HYBRID.text()}")
    monkeypatch.setattr(password, "COSTS", CHEAP)
    for variable in ("VAULT_ADDR", "VAULT_TOKEN"):
        monkeypatch.delenv(variable, raising=False)


def token(kind: str, plaintext: str | bytes = PLAINTEXT, **context: str) -> str:
    backend, options = OFFLINE[kind]
    return made(backend, plaintext, context, **options)


@pytest.mark.parametrize("size", BYTES)
@pytest.mark.parametrize("kind", OFFLINE)
def test_any_bytes_come_back_or_are_refused_before_they_are_lost(kind: str, size: str) -> None:
    try:
        text = token(kind, BYTES[size])
    except EncryptError as error:
        assert (kind, size) in {("plain", "not UTF-8"), ("plain", "1 MiB")}
        assert "\x9f" not in str(error)
        return
    assert Secret(text).get_bytes() == BYTES[size]


@pytest.mark.parametrize("size", BYTES)
def test_any_bytes_come_back_from_kms(size: str, kms: KMS) -> None:
    if size == "empty":
        with pytest.raises(EncryptError, match=r'Secret\(""\)'):
            made("kms", b"", key=ALIAS, region=REGION)
        return
    assert Secret(made("kms", BYTES[size], key=ALIAS, region=REGION)).get_bytes() == BYTES[size]


def test_a_cut_or_flipped_vault_token_is_refused_by_its_form_or_never_sent() -> None:
    # What a real Vault answers to the well-formed ones is tested in test_vault_server.py.
    assert_all_refused(cut_and_flipped(VAULT), PLAINTEXT, VAULT)


def test_a_cut_or_flipped_plain_token_is_a_value_or_an_error() -> None:
    for result in outcomes(cut_and_flipped(token("plain", app="shop"))):
        assert not isinstance(result, SecretError) or "ample" not in str(result)


@pytest.mark.parametrize("every", [31, pytest.param(7, marks=pytest.mark.more)])
@pytest.mark.parametrize("size", [1, 300], ids=["direct", "envelope"])
def test_a_cut_or_flipped_kms_token_is_refused(
    size: int, every: int, kms: KMS, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_aws_calls, "FAILING_SECONDS", 0)
    whole = made("kms", PLAINTEXT * size, {"app": "shop"}, key=ALIAS, region=REGION)
    key = range(whole.index("key="), whole.index("&", whole.index("key=")))
    broken = _sampled(whole, every)
    # moto finds the key in the ciphertext and compares it with no KeyId: an id that is another one goes unnoticed.
    flipped_key = {text for text in broken if len(text) == len(whole) and _differs_in(text, whole) in key}
    assert_all_refused([text for text in broken if text not in flipped_key], PLAINTEXT, whole)
    for result in outcomes(flipped_key):
        assert isinstance(result, SecretError) or size == 1


def test_a_cut_or_flipped_kms_token_of_1x_is_refused(kms: KMS, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aws_calls, "FAILING_SECONDS", 0)
    blob = wire.parse(made("kms", PLAINTEXT, key=ALIAS, region=REGION)).ciphertext
    whole = f"kms:region={REGION}:{blob}"
    assert_all_refused(_sampled(whole, 11), PLAINTEXT, whole)


def _sampled(whole: str, every: int) -> list[str]:
    """Return what is cut or flipped in the head, and in ciphertexts every few characters: each costs a call."""
    start = whole.rindex(":") + 3
    data_key = range(whole.find("dk=") + 6, whole.index("&", whole.find("dk="))) if "dk=" in whole else ()
    broken = enumerate(cut_and_flipped(whole))
    return [
        text for at, text in broken if at % every == 0 or not (at % len(whole) in data_key or at % len(whole) > start)
    ]


def _differs_in(text: str, whole: str) -> int:
    return next(place for place, pair in enumerate(zip(text, whole, strict=True)) if pair[0] != pair[1])


@pytest.mark.parametrize("kind", [kind for kind in OFFLINE if kind != "plain"])
def test_params_of_two_tokens_cannot_be_swapped_dropped_or_doubled(kind: str) -> None:
    one, two = token(kind, app="shop", name="A"), token(kind, app="bank", name="B", team="web")
    first, second = wire.parse(one), wire.parse(two)
    hostile = "../../sys/seal"
    broken = [
        wire.format(wire.Token(first.backend, second.params, first.ciphertext)),
        wire.format(wire.Token(first.backend, first.params, second.ciphertext)),
    ]
    for name in first.params:
        others = {key: value for key, value in first.params.items() if key != name}
        head, _, body = wire.format(first).rpartition(":")
        broken += [
            wire.format(wire.Token(first.backend, others, first.ciphertext)),
            wire.format(wire.Token(first.backend, {**first.params, name: hostile}, first.ciphertext)),
            wire.format(wire.Token(first.backend, {**first.params, name: ""}, first.ciphertext)),
            f"{head}&{name}={first.params[name]}:{body}",
        ]
        if second.params.get(name) not in (None, first.params[name]):
            mixed = {**first.params, name: second.params[name]}
            broken.append(wire.format(wire.Token(first.backend, mixed, first.ciphertext)))
    assert_all_refused(broken, PLAINTEXT, one)


def test_a_body_under_the_params_of_another_backend_is_refused() -> None:
    tokens = [wire.parse(token(kind)) for kind in OFFLINE if kind != "plain"]
    tokens.append(wire.parse(VAULT))
    for one in tokens:
        for other in tokens:
            if one.backend != other.backend:
                mixed = wire.format(wire.Token(one.backend, other.params, one.ciphertext))
                swapped = wire.format(wire.Token(one.backend, one.params, other.ciphertext))
                assert_all_refused([mixed, swapped], PLAINTEXT, swapped)


@pytest.mark.parametrize("version", ["", "0", "3", "-2", "2.0", "²", "2 ", "9" * 400])
def test_an_unknown_version_is_refused(version: str) -> None:
    for kind in OFFLINE:
        parsed = wire.parse(token(kind))
        if "v" in parsed.params:
            text = wire.format(wire.Token(parsed.backend, {**parsed.params, "v": version}, parsed.ciphertext))
            assert_all_refused([text], PLAINTEXT, text)


def test_a_v2_token_without_its_version_never_opens_as_1x(home: Path) -> None:
    path = home / "data" / "secretcrypt" / "key"
    path.parent.mkdir(parents=True)
    path.write_text("AAAAAAAAAAAAAAAAAAAAAA==")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LegacyTokenWarning)
        # 12 of nonce and 16 of tag: with 4 more it is whole blocks, as tokens of 1.x are.
        for result in outcomes(f"local::{wire.parse(token('local', b'four')).ciphertext}" for _ in range(50)):
            assert result != b"four"
