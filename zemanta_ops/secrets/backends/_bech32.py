"""Bech32 (BIP 173) without its limit of 90 characters: the text form of age's keys."""

from __future__ import annotations

from collections.abc import Iterable

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def encode(prefix: str, data: bytes) -> str:
    """Return prefix, ``1``, data and checksum, in lower case."""
    values = _regroup(data, 8, 5)
    checksum = _polymod([*_expand(prefix), *values, *([0] * _CHECKSUM)]) ^ 1
    values += [checksum >> 5 * (_CHECKSUM - 1 - place) & 31 for place in range(_CHECKSUM)]
    return f"{prefix}1{''.join(_ALPHABET[value] for value in values)}"


def decode(text: str) -> tuple[str, bytes]:
    """Return the prefix, in lower case, and the data.

    Raises:
        ValueError: The text mixes upper and lower case, its checksum is wrong, or bits are left over.
    """
    if text not in (text.lower(), text.upper()):
        raise ValueError("upper and lower case are mixed")
    prefix, _, rest = text.lower().rpartition("1")
    values = [_ALPHABET.find(letter) for letter in rest]
    if not prefix or -1 in values or len(values) < _CHECKSUM or _polymod([*_expand(prefix), *values]) != 1:
        raise ValueError("wrong checksum")
    body = values[:-_CHECKSUM]
    data = bytes(_regroup(body, 5, 8))
    if _regroup(data, 8, 5) != body:
        raise ValueError("bits left over")
    return prefix, data


def _expand(prefix: str) -> list[int]:
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def _polymod(values: Iterable[int]) -> int:
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATOR):
            state ^= generator if top >> place & 1 else 0
    return state


def _regroup(values: Iterable[int], width: int, wanted: int) -> list[int]:
    """Regroup ``width``-bit values into ``wanted``-bit values; the last 5-bit value is padded with zeros."""
    held, bits, found = 0, 0, []
    for value in values:
        held = (held << width | value) & 0xFFF
        bits += width
        while bits >= wanted:
            bits -= wanted
            found.append(held >> bits & (1 << wanted) - 1)
    if bits and wanted < width:
        found.append(held << wanted - bits & (1 << wanted) - 1)
    return found
