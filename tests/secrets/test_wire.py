"""The form of a token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zemanta_ops.secrets.exceptions import TokenError
from zemanta_ops.secrets.wire import Token, format, parse  # noqa: A004


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
