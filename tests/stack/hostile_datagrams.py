"""Datagrams as large as UDP carries, each full of one thing: what takes quadratic time takes minutes with it."""

from __future__ import annotations

import random

LARGE = 65_507
DIGITS = LARGE - 10
_RANDOM = random.Random(3)


def fill(piece: str, head: str = "") -> bytes:
    """Return ``head`` and then ``piece``, again and again, up to the size."""
    return (head.encode() + piece.encode() * LARGE)[:LARGE]


def number(text: str, end: str = "|g") -> bytes:
    """Return a line with this number as its value."""
    return f"x:{text[:DIGITS]}{end}".encode()


HOSTILE: dict[str, bytes] = {
    "counters": fill(":1|c", "x"),
    "tiny rates": fill(":1|ms|@1e-9", "x"),
    "rates above one": fill(":1|ms|@2", "x"),
    "infinite rates": fill(":1|h|@inf", "x"),
    "denormal rates": fill(":1|h|@5e-324", "x"),
    "rates of almost nothing": fill(":1|ms|@1e-300", "x"),
    "rates around int64": fill(":1|ms|@1.0842e-19", "x"),
    "gauges that are not numbers": fill(":nan|g", "x"),
    "timings that are not numbers": fill(":nan|ms:inf|ms:1e308|ms|@1e-9", "x"),
    "distributions": fill(":1|d", "x"),
    "colons": fill(":"),
    "pipes": fill("|", "x:"),
    "newlines": fill("\n"),
    "blanks": fill(" "),
    "control characters": fill("\x1b[2J\x07:1|c\n"),
    "null bytes": fill("\0"),
    "bad lines": fill("z\n"),
    "bad types": "\n".join(f"x:1|{kind}" for kind in range(9_000)).encode()[:LARGE],
    "series": "\n".join(f"series{each}:1|ms" for each in range(9_000)).encode()[:LARGE],
    "one long name": fill("n")[: LARGE - 4] + b":1|c",
    "one long tag": b"x,k=" + fill("v")[: LARGE - 8] + b":1|c",
    "tags": ("x" + "".join(f",k{each}=v" for each in range(9_000)))[: LARGE - 4].encode() + b":1|c",
    "members": ("x" + "".join(f":{each}|s" for each in range(9_000))).encode()[:LARGE],
    "one long member": b"x:" + fill("m")[: LARGE - 4] + b"|s",
    "tags of DogStatsD": fill("a,", "x:1|c|#"),
    "tags of DogStatsD without a key": fill(":,", "x:1|c|#"),
    "events": fill("_e{9999999999,1}:a|b\n"),
    "a long length of an event": b"_e{" + fill("9")[: LARGE - 3],
    "digits": number("1" * LARGE),
    "digits that end badly": number("1" * LARGE, "x|g"),
    "digits of a counter": number("0" * LARGE, "7|c"),
    "underscores": number("1_" * LARGE),
    "underscores that end badly": number("1_" * LARGE, "_|g"),
    "hexadecimal digits": number("0x" + "f" * LARGE, "p1|g"),
    "hexadecimal digits that end badly": number("0x" + "f" * LARGE),
    "decimals": number("0." + "0" * LARGE, "1|g"),
    "an exponent": number("1e" + "9" * LARGE),
    "a negative exponent": number("1e-" + "9" * LARGE),
    "a hexadecimal exponent": number("0x1p" + "9" * LARGE),
    "a rate with many digits": number("1|ms|@0." + "0" * LARGE, "1"),
    "invalid UTF-8": b"\xff\xfe:1|c\n" * (LARGE // 7),
    "random bytes": _RANDOM.randbytes(LARGE),
    "random characters": "".join(_RANDOM.choices("a:|,=@#cgms1.0-+\n\x1b", k=LARGE)).encode(),
}
