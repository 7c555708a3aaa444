"""Every shape of a value is found in any surroundings, and nothing else is touched."""

from __future__ import annotations

import base64
import html
import json
import pprint
import types
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.redaction import redact, redact_value
from zemanta_ops.secrets.redaction.forms import forms
from zemanta_ops.secrets.redaction.matcher import Matcher
from zemanta_ops.secrets.wire import REDACTED

CANARY = 'c4nary/+ "quo\'ted" é\\back<&>'
PEM = "-----BEGIN EXAMPLE-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END EXAMPLE-----\n"

SHAPES: dict[str, Callable[[str], str]] = {
    "plain": str,
    "repr": repr,
    "repr in a list": lambda value: repr([value]),
    "repr of bytes": lambda value: repr(value.encode()),
    "json": json.dumps,
    "json, unicode kept": lambda value: json.dumps({"a": value}, ensure_ascii=False),
    "json in json": lambda value: json.dumps({"body": json.dumps({"a": value})}),
    "json in repr": lambda value: repr([json.dumps([value])]),
    "json, slashes escaped": lambda value: json.dumps(value).replace("/", "\\/"),
    "html": html.escape,
    "repr in html": lambda value: html.escape(pprint.pformat(value, width=1000)),
    "json in repr of bytes in html": lambda value: html.escape(repr([json.dumps({"a": value}).encode()])),
    "url": lambda value: quote(value, safe=""),
    "url, slash kept": quote,
    "url, plus": quote_plus,
    "url, lower case": lambda value: "".join(
        chr(b) if (chr(b).isalnum() and b < 128) or chr(b) in "-._~" else f"%{b:02x}" for b in value.encode()
    ),
    "query": lambda value: urlencode({"q": value}),
    "ascii": ascii,
    "ascii among quotes": lambda value: ascii(f"'\"{value}"),
    "repr among quotes": lambda value: repr(f"'\"{value}"),
    "repr of bytes among quotes": lambda value: repr(b"'\"" + value.encode()),
    "json in repr of bytes": lambda value: repr(json.dumps({"Plaintext": value}).encode()),
    "hex": lambda value: value.encode().hex(),
    "hex, upper case": lambda value: value.encode().hex().upper(),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "bytes of a dict": lambda value: repr({"a": b"it's \"" + value.encode()}),
    "userinfo of a url": lambda value: "postgres://u:" + quote(value, safe="!$&'()*+,;=:@/?") + "@db",
    "base64 after 1": lambda value: base64.b64encode(b"u" + value.encode() + b"tail").decode(),
    "base64 after 2": lambda value: base64.b64encode(b"u:" + value.encode() + b"tails").decode(),
    "base64url": lambda value: base64.urlsafe_b64encode(b"user:" + value.encode()).decode(),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_a_value_is_redacted(shape: str) -> None:
    text = SHAPES[shape](CANARY)
    clean = Matcher([CANARY]).redact(f"before {text} after")
    assert clean.startswith("before ")
    assert clean.endswith(" after")
    assert REDACTED in clean
    for whole in forms(CANARY):
        assert whole not in clean
    assert "c4nary" not in clean


@pytest.mark.parametrize("value", ["example?>?>?>value", "example>?>?>?value", "example~~~~~~~value"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_with_its_two_odd_characters_is_redacted_at_every_place(
    value: str, encode: Callable[[bytes], bytes]
) -> None:
    matcher = Matcher([value])
    for before in (b"", b"u", b"u:"):
        encoded = encode(before + value.encode()).decode()
        # All but the characters that depend on what is beside the value.
        assert len(matcher.redact(encoded).replace(REDACTED, "").rstrip("=")) <= 5, encoded


def test_each_line_of_a_value_is_redacted() -> None:
    matcher = Matcher([PEM])
    for line in PEM.splitlines():
        assert matcher.redact(f"x{line}x") == f"x{REDACTED}x"
    assert matcher.redact(repr(PEM)) == f"'{REDACTED}'"


def test_neighbours_overlaps_and_repetitions() -> None:
    matcher = Matcher(["abcdefgh", "efghijkl", "abcdefghijklmnop"])
    assert matcher.redact("abcdefghijklmnop") == REDACTED
    assert matcher.redact("abcdefghijkl") == REDACTED
    assert matcher.redact("abcdefghabcdefgh-efghijkl") == f"{REDACTED}{REDACTED}-{REDACTED}"


@pytest.mark.parametrize("value", ["it's an example", 'an "example"', "exämple-secret", "back\\slash-example"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_value_with_one_special_character_is_redacted_in_every_shape(value: str, shape: str) -> None:
    clean = Matcher([value]).redact(SHAPES[shape](value))
    assert REDACTED in clean
    assert "ample" not in clean


@pytest.mark.parametrize(
    "shape", [repr, bytes.hex, base64.b64encode, quote, lambda value: value.decode(errors="replace")]
)
def test_bytes_that_are_no_text_are_redacted(shape: Callable[[bytes], object]) -> None:
    key = bytes(range(0x70, 0x90))
    ledger.reveal(key)
    text = str(shape(key))
    assert REDACTED in redact(text)
    assert text[4:-4] not in redact(text)
    assert redact_value([key]) == [REDACTED.encode()]


@pytest.mark.parametrize("length", range(ledger.MIN_REDACTED_LENGTH, 24))
def test_a_value_that_is_added_is_found_wherever_it_is(length: int) -> None:
    """What a matcher for long values skips must not skip a shorter one."""
    value = "Kq7zWm2xRt9bLp4vNc8jHg5d"[:length]
    matcher = Matcher(["a-much-longer-example-of-a-secret"]).with_values([value])
    for before in range(40):
        text = "-" * before
        assert matcher.redact(f"{text}{value} end") == f"{text}{REDACTED} end"


def test_short_values_are_left_alone() -> None:
    assert Matcher(["short77", ""]).redact("short77 short77") == "short77 short77"


def test_a_clean_text_comes_back_as_the_same_object() -> None:
    text = "GET /orders/ 200 in 12 ms"
    assert Matcher([CANARY, PEM]).redact(text) is text
    assert Matcher([]).redact(text) is text


@pytest.mark.parametrize("ellipsis", ["...", "…"])
def test_the_start_of_a_value_before_an_ellipsis_is_redacted(ellipsis: str) -> None:
    matcher = Matcher(["hunter2-hunter2-hunter2"])
    assert matcher.redact_cut(f"pw=hunt{ellipsis}") == f"pw={REDACTED}{ellipsis}"
    assert matcher.redact_cut(f"pw=hunter2-hun{ellipsis}") == f"pw={REDACTED}{ellipsis}"
    assert matcher.redact_cut(f"pw=other{ellipsis}") == f"pw=other{ellipsis}"
    assert matcher.redact_cut("pw=hunter2-hun") == "pw=hunter2-hun"
    matcher = Matcher(["abcdefghijkl"])
    for start in ("abcd", "abcdefgh", "abcdefghijk", "abcdefghijkl"):
        assert matcher.redact_cut(f"{start}{ellipsis}") == f"{REDACTED}{ellipsis}"
        assert matcher.redact_cut(f"much longer than it: {start}{ellipsis}").endswith(f" {REDACTED}{ellipsis}")
    for other in ("abc", "abcdefXh", "cdefgh", "x", ""):
        assert matcher.redact_cut(f"{other}{ellipsis}") == f"{other}{ellipsis}"


@given(
    st.text(st.characters(codec="utf-8"), min_size=ledger.MIN_REDACTED_LENGTH, max_size=40).filter(
        lambda v: len(v.strip()) > 7
    ),
    st.text(max_size=12),
    st.text(max_size=12),
    st.sampled_from(sorted(SHAPES)),
)
def test_any_value_in_any_surroundings_is_gone(value: str, before: str, after: str, shape: str) -> None:
    text = SHAPES[shape](value)
    clean = Matcher([value]).redact(before + text + after)
    assert text not in clean or text in REDACTED
    assert value not in clean.replace(REDACTED, "\0")


@given(st.text(max_size=200), st.lists(st.text(min_size=ledger.MIN_REDACTED_LENGTH)))
def test_a_text_without_any_form_is_untouched(text: str, values: list[str]) -> None:
    if not any(form in text for value in values for form in forms(value)):
        assert Matcher(values).redact(text) is text


CONTAINERS: dict[str, Callable[[object], object]] = {
    "mappingproxy": lambda value: types.MappingProxyType({"a": value}),
    "UserDict": lambda value: UserDict(a=value),
    "ChainMap": lambda value: ChainMap({"a": value}),
    "keys of a mapping": lambda value: types.MappingProxyType({value: 1}),
    "deque": lambda value: deque([value]),
    "UserList": lambda value: UserList([value]),
    "namespace": lambda value: types.SimpleNamespace(a=value),
    "nested": lambda value: (deque([types.MappingProxyType({"a": [types.SimpleNamespace(a={value})]})]),),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_value_in_any_container_is_redacted(kind: str) -> None:
    ledger.reveal("example-in-a-container")
    shown = repr(redact_value(CONTAINERS[kind]("example-in-a-container")))
    assert REDACTED in shown
    assert "example-in-a-container" not in shown
    harmless = CONTAINERS[kind]("harmless")
    assert redact_value(harmless) is harmless


def test_a_container_that_is_shown_twice_is_redacted_twice() -> None:
    ledger.reveal("example-in-a-container")
    shared = ["example-in-a-container"]
    assert redact_value({"a": shared, "b": [shared, shared]}) == {"a": [REDACTED], "b": [[REDACTED], [REDACTED]]}


def test_a_container_that_holds_itself_is_redacted_once() -> None:
    ledger.reveal("example-in-a-container")
    loop: list[object] = ["example-in-a-container"]
    loop.append(loop)
    clean = redact_value(loop)
    assert (clean[0], clean[1] is loop) == (REDACTED, True)
