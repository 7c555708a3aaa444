"""The assertion for users' own tests finds a leak and shows where, without showing it."""

from __future__ import annotations

import base64

import pytest
from django.http import HttpResponse

from zemanta_ops.secrets.redaction.leaks import assert_no_secret_leaks


class Holder:
    """Shows a secret in its repr alone."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __str__(self) -> str:
        return "holder"

    def __repr__(self) -> str:
        return f"<Holder {self.value}>"


def test_clean_outputs_pass(canary: str) -> None:
    assert_no_secret_leaks("text", b"\xff", HttpResponse("content", headers={"X-A": "b"}), Holder("c"), None)


@pytest.mark.parametrize("kind", ["text", "bytes", "content", "header", "object", "escaped"])
def test_a_leak_is_shown_without_the_secret(canary: str, kind: str) -> None:
    encoded = base64.b64encode(canary.encode())
    leak = {
        "text": f"around {canary} it",
        "bytes": b"around " + canary.encode(),
        "content": HttpResponse(f"around {canary}"),
        "header": HttpResponse(headers={"X-around": encoded.decode()}),
        "object": Holder(f"around {canary}"),
        "escaped": b"around " + encoded,
    }[kind]
    with pytest.raises(AssertionError, match=r"^output 2 \(\w+\) contains a secret: .*around.*<redacted>") as caught:
        assert_no_secret_leaks("clean", leak)
    assert "c4nary" not in str(caught.value)
