"""Bech32 against the vectors of BIP 173, and its refusals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zemanta_ops.secrets.backends._bech32 import _ALPHABET, _expand, _polymod, decode, encode

LONG = "thatcontainsthenumber1andtheexcludedcharactersbio"


@pytest.mark.parametrize(
    ("text", "prefix", "length"),
    [
        ("A12UEL5L", "a", 0),
        ("a12uel5l", "a", 0),
        ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "abcdef", 20),
        (f"an83characterlonghumanreadablepart{LONG}1tt5tgs", f"an83characterlonghumanreadablepart{LONG}", 0),
    ],
)
def test_vectors_of_bip_173(text: str, prefix: str, length: int) -> None:
    found, data = decode(text)
    assert (found, len(data)) == (prefix, length)
    assert encode(found, data) == text.lower()


@pytest.mark.parametrize(
    "text",
    ["", "1", "a1", "A1G7SGD8", "10a06t8", "1qzzfhee", "x1b4n0q5v", "li1dgmt3", "A12uEL5L", "pzry9x0s0muk", "Ā12uel5l"],
)
def test_what_bip_173_calls_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"checksum|case are mixed"):
        decode(text)


@pytest.mark.parametrize("values", [[1], [0, 1], [0, 0, 0]])
def test_bits_that_make_no_whole_byte_are_refused(values: list[int]) -> None:
    checksum = _polymod([*_expand("a"), *values, *([0] * 6)]) ^ 1
    letters = values + [checksum >> 5 * (5 - place) & 31 for place in range(6)]
    with pytest.raises(ValueError, match="bits left over"):
        decode("a1" + "".join(_ALPHABET[letter] for letter in letters))


@given(st.binary(max_size=1300), st.sampled_from(["age", "age1pq", "age-secret-key-pq-"]))
def test_what_is_encoded_decodes(data: bytes, prefix: str) -> None:
    assert decode(encode(prefix, data)) == (prefix, data)
    assert decode(encode(prefix, data).upper()) == (prefix, data)
