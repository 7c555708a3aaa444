"""The plain backend."""

from __future__ import annotations

import pytest

from tests.secrets.tokens import made
from zemanta_ops.secrets import Secret
from zemanta_ops.secrets.exceptions import DecryptError, EncryptError


@pytest.mark.parametrize("text", ["", "a:b:c", " spaces ", "ünïcode", "a\nb", "100%", "x=1&y=2"])
def test_text_stays_as_it_is(text: str) -> None:
    assert made("plain", text) == f"plain::{text}"
    assert Secret(f"plain::{text}").get() == text


def test_it_carries_a_name_though_nothing_proves_it() -> None:
    token = made("plain", "x", {"app": "shop", "name": "A"})
    assert token == "plain:app=shop&name=A:x"
    assert Secret(token).get(name="A", app="shop") == "x"


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(EncryptError, match="not UTF-8"):
        made("plain", b"\xff")


def test_a_lone_surrogate_is_a_secret_error() -> None:
    with pytest.raises(DecryptError):
        Secret("plain::\udc80").get()
