"""The form of a token."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.secrets.tokens import local
from zemanta_ops.secrets import Secret
from zemanta_ops.secrets.exceptions import TokenError
from zemanta_ops.secrets.wire import Token, associated_data, context_params, format, parse  # noqa: A004


def test_the_ciphertext_keeps_its_colons() -> None:
    assert parse("vault:mount=transit:vault:v1:QUJD") == Token("vault", {"mount": "transit"}, "vault:v1:QUJD")
    assert parse("plain::") == Token("plain", {}, "")


def test_params_are_read_as_1x_reads_them() -> None:
    assert parse("kms:region=a+b&region=c&x=%2F:QUJD").params == {"region": "a b", "x": "/"}


@pytest.mark.parametrize("text", ["", "hunter2", "hunter2:x", "Hunter2:x=y:z", "kms:hunter2:x", ":a=b:c", "../x::y"])
def test_what_is_not_a_token_is_refused_and_never_shown(text: str) -> None:
    with pytest.raises(TokenError) as caught:
        parse(text)
    assert "hunter2" not in repr(caught.value).lower()
    assert caught.value.__cause__ is None


def test_a_repr_does_not_show_the_ciphertext() -> None:
    assert "hunter2" not in repr(parse("plain::hunter2"))


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))), st.text()
)
def test_what_is_written_reads_back(params: dict[str, str], ciphertext: str) -> None:
    token = Token("kms", params, ciphertext)
    assert parse(format(token)) == token


@pytest.mark.parametrize(
    ("text", "legacy", "authenticated"),
    [
        ("kms:region=eu-west-1:QUJD", True, True),
        ("kms::QUJD", True, True),
        ("kms:region=eu-west-1&key=k1:QUJD", False, True),
        ("local::QUJD", True, False),
        ("local:v=2&key=k1:QUJD", False, True),
        ("local:key=k1:QUJD", False, True),
        ("local:app=shop:QUJD", False, True),
        ("password:salt=YQ==:QUJD", True, False),
        ("password:salt=YQ==&suite=scrypt:QUJD", False, True),
        ("password:v=2&salt=YQ==:QUJD", False, True),
        ("plain::example", False, True),
        ("sealed::QUJD", False, True),
        ("vault::QUJD", False, True),
    ],
)
def test_a_token_of_1x_has_only_the_params_that_1x_wrote(text: str, legacy: bool, authenticated: bool) -> None:
    """What a token is taken for: a backend never gives what our own encryption made, cut or not, to the code of 1.x."""
    assert (parse(text).is_legacy, parse(text).is_authenticated) == (legacy, authenticated)


@pytest.mark.parametrize(
    ("text", "app", "name", "key_id"),
    [
        ("kms:region=eu-west-1&key=k1&app=shop&name=A.B:QUJD", "shop", "A.B", "k1"),
        ("vault:v=1&key=shop:vault:v12:QUJD", "", "", "shop:v12"),
        ("vault:v=1&key=shop:QUJD", "", "", "shop"),
        ("plain::vault:v1:hunter2", "", "", ""),
        ("local::QUJD", "", "", ""),
    ],
)
def test_a_token_shows_what_needs_no_key(text: str, app: str, name: str, key_id: str) -> None:
    token = parse(text)
    assert (token.app, token.name, token.key_id) == (app, name, key_id)


def test_associated_data_does_not_depend_on_the_order_of_the_context() -> None:
    """Another program may write the params in another order: the bytes that authenticate them stay the same."""
    one = parse("local:v=2&app=shop&c.env=production&c.zone=b&name=A:QUJD")
    other = parse("local:name=A&c.zone=b&v=2&c.env=production&app=shop:QUJD")
    parts = ["zemanta_ops", "local", "2", "", "k", "app", "shop", "env", "production", "name", "A", "zone", "b"]
    expected = b"".join(len(part).to_bytes(4, "big") + part.encode() for part in parts)
    assert associated_data(one, version="2", key_id="k") == expected
    assert associated_data(other, version="2", key_id="k") == expected


def test_a_token_opens_with_its_params_in_any_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_ENV", "production")
    token = local("example", app="shop", name="A", env="production", zone="b")
    backend, params, ciphertext = token.split(":", 2)
    turned = f"{backend}:{'&'.join(reversed(params.split('&')))}:{ciphertext}"
    assert turned != token
    assert Secret(turned).get(app="shop", name="A") == "example"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kms", "not a token: expected backend:params:ciphertext, as encrypt_secret prints it"),
        (
            "kms:region=a",
            "not a whole token: it ends before its second colon, as if a shell had cut it at an unquoted &. "
            "Put the token in single quotes",
        ),
        ("Kms:region=a:QUJD", "not a token: expected backend:params:ciphertext, as encrypt_secret prints it"),
        ("kms:region:QUJD", "not a token: the text between the first two colons is not key=value&key=value"),
        ("kms:region=%FF:QUJD", "not a token: the text between the first two colons is not key=value&key=value"),
    ],
)
def test_what_is_not_a_token_is_explained(text: str, message: str) -> None:
    with pytest.raises(TokenError) as caught:
        parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("key=k&region=r&app=shop&name=A&c.env=x&note=n", None),
        ("key=k&region=r&other=x", "malformed kms token: a param is unknown or repeated"),
        ("key=k&region=r&key=k", "malformed kms token: a param is unknown or repeated"),
        ("key=k&region=r&key=k&key=k", "malformed kms token: a param is unknown or repeated"),
        ("key=k", "malformed kms token: it must have the params key, region"),
        ("key=k&region=", "malformed kms token: it must have the params key, region"),
        ("key=k&region=r&c.app=bank", "malformed kms token: a context key is not allowed, or has no value"),
        ("key=k&region=r&c.a b=x", "malformed kms token: a context key is not allowed, or has no value"),
        ("key=k&region=r&c.env=", "malformed kms token: a context key is not allowed, or has no value"),
    ],
)
def test_params_are_checked(params: str, message: str | None) -> None:
    token = parse(f"kms:{params}:QUJD")
    if message is None:
        token.require("key", "region", optional=("note",))
        return
    with pytest.raises(TokenError) as caught:
        token.require("key", "region", optional=("note",))
    assert str(caught.value) == message


@pytest.mark.parametrize("context", [{"a b": "x"}, {"": "x"}, {"a" * 65: "x"}, {"env": ""}])
def test_a_context_is_checked_before_it_is_written(context: dict[str, str]) -> None:
    with pytest.raises(TokenError) as caught:
        context_params(context)
    assert str(caught.value) == "a context key must match [A-Za-z0-9_-]{1,64} and have a value"


def test_the_params_of_a_token_are_written_as_they_always_were() -> None:
    """Byte for byte: a blank as %20, a slash as it is."""
    token = Token("kms", {"key": "arn:aws:kms:eu-west-1:1:key/a b", "c.note": "50 %+1"}, "QUJD")
    assert format(token) == "kms:key=arn%3Aaws%3Akms%3Aeu-west-1%3A1%3Akey/a%20b&c.note=50%20%25%2B1:QUJD"
