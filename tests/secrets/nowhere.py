"""A plaintext whose every escaped form differs, and a search for all of them in what a program shows."""

from __future__ import annotations

import base64
import html
import json
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus

CANARY = "Kanarienvogel/é+\"'%\\\n?gelb & frei"
_TESTS = str(Path(__file__).resolve().parents[1])
FORMS = {
    CANARY,
    repr(CANARY)[1:-1],
    ascii(CANARY)[1:-1],
    repr(CANARY.encode())[2:-1],
    json.dumps(CANARY)[1:-1],
    html.escape(CANARY),
    quote(CANARY, safe=""),
    quote_plus(CANARY),
    CANARY.encode().hex(),
    # Of base64 what every alignment has, without the ends that the neighbours decide.
    *(base64.b64encode(bytes(shift) + CANARY.encode())[4:-4].decode() for shift in range(3)),
    # Each line, and what no escape changes of it.
    "Kanarienvogel",
    "gelb & frei",
}


def shown(text: str) -> list[str]:
    """Return the forms of the plaintext that are in a text."""
    return sorted(form for form in FORMS if form in text)


def all_of(error: BaseException) -> str:
    """Return all that an error and those behind it can print: attributes, pickles, and the variables of their frames.

    Frames of the tests themselves are left out: they made the plaintext.
    """
    texts = []
    for each in _chain(error):
        texts += [str(each), repr(each), repr(each.args), repr(vars(each)), str(_pickled(each))]
        foreign = _foreign(each.__traceback__)
        texts += traceback.TracebackException(type(each), each, foreign, capture_locals=True).format()
        while foreign is not None:
            texts += [f"{name} = {value!r}" for name, value in foreign.tb_frame.f_locals.items()]
            foreign = foreign.tb_next
    return "\n".join(texts)


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            behind: list[Any] = [each.__cause__, each.__context__, *getattr(each, "failures", {}).values()]
            waiting += [other for other in behind if other is not None]


def _foreign(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_TESTS):
        trace = trace.tb_next
    return trace


def _pickled(error: BaseException) -> bytes:
    try:
        return pickle.dumps(error)
    except (pickle.PicklingError, TypeError, AttributeError):
        return b""
