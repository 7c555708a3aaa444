"""An undecrypted Secret is never used as a value: every conversion raises and names what to call."""

from __future__ import annotations

import base64
import copy
import csv
import hashlib
import hmac
import io
import json
import logging
import logging.handlers
import pickle
import queue
import re
import string
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import signing
from django.template import Context, Template
from django.utils.crypto import salted_hmac
from django.utils.encoding import force_bytes, force_str

from zemanta_ops.secrets import Secret, StrictSecret
from zemanta_ops.secrets.exceptions import TokenError, UndecryptedError

TOKEN = "plain::example-plaintext"

CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "str": str,
    "percent": lambda value: "%s" % value,  # noqa: UP031
    "percent of a tuple": lambda value: "x%sx%s" % (1, value),  # noqa: UP031
    "percent of a dict": lambda value: "%(a)s" % {"a": value},  # noqa: UP031
    "format": "{}".format,
    "format with a spec": "{:>10}".format,
    "f-string": lambda value: f"{value}",
    "f-string of str": lambda value: f"{value!s}",
    "join of str": lambda value: "".join(map(str, [value])),
    "bytes": bytes,
    "bytearray": bytearray,
    "bytes percent": lambda value: b"%s" % value,
    "json default": lambda value: json.dumps({"a": value}, default=str),
    "json": json.dumps,
    "urlencode": lambda value: urllib.parse.urlencode({"a": value}),
    "quote": lambda value: urllib.parse.quote(str(value)),
    "urlparse": lambda value: urllib.parse.urlparse(value).hostname,
    "template": lambda value: string.Template("$a").substitute(a=value),
    "safe template": lambda value: string.Template("$a").safe_substitute(a=value),
    "Django's template": lambda value: Template("{{ a }}").render(Context({"a": value})),
    "force_str": force_str,
    "force_bytes": force_bytes,
    "csv": lambda value: csv.writer(io.StringIO()).writerow([value]),
    "print": lambda value: print(value, file=io.StringIO()),
    "regular expression": lambda value: re.match("a", value),
    "base64": base64.b64encode,
    "sha256": hashlib.sha256,
    "hmac key": lambda value: hmac.new(value, b"", "sha256"),
    "compare_digest": lambda value: hmac.compare_digest(value, "x"),
    "salted_hmac": lambda value: salted_hmac("salt", "value", secret=value),
    "signer": lambda value: signing.Signer(key=value).sign("x"),
    "hash": hash,
    "key of a dict": lambda value: {value: 1},
    "member of a set": lambda value: {value},
    "look-up": lambda value: {"a": 1}.get(value),
    "equals text": lambda value: value == "example",
    "differs from text": lambda value: value != "example",
    "in a list of texts": lambda value: value in ["example", "other"],
    "equals bytes": lambda value: value == b"example",
    "order": lambda value: sorted([value, "a"]),
    "len": len,
    "list": list,
    "tuple": tuple,
    "reversed": reversed,
    "slice": lambda value: value[:4],
    "substring": lambda value: "x" in value,
    "add": lambda value: value + "x",
    "add from the left": lambda value: "x" + value,
    "add in place": lambda value: operator_iadd("x", value),
    "multiply": lambda value: value * 2,
    "int": int,
    "float": float,
    "complex": complex,
    "index": lambda value: [1, 2][value],
    "round": round,
    "path": Path,
    "open": open,
    "int of text": lambda value: int(value, 16),
    "encode": lambda value: value.encode(),
    "strip": lambda value: value.strip(),
    "split": lambda value: value.split(":"),
    "unpack": lambda value: (lambda first, *rest: rest)(*value),
    "call": lambda value: value(),
    "with": lambda value: value.__enter__(),
    "environment": lambda value: subprocess.run([sys.executable, "-c", ""], env={"A": value}, check=True),
    "argument": lambda value: subprocess.run([sys.executable, "-c", "", value], check=True),
}


def operator_iadd(text: str, value: Any) -> str:
    text += value
    return text


@pytest.mark.parametrize("convert", CONVERSIONS.values(), ids=CONVERSIONS)
@pytest.mark.parametrize("kind", [Secret, StrictSecret])
def test_no_conversion_gives_a_value(kind: type[Any], convert: Callable[[Any], Any]) -> None:
    with pytest.raises((UndecryptedError, TypeError, AttributeError)):
        convert(kind(TOKEN))


@pytest.mark.parametrize("name", ["str", "percent", "format", "bytes", "hash", "len", "add", "path", "salted_hmac"])
def test_the_error_says_what_to_call(name: str) -> None:
    with pytest.raises(UndecryptedError, match=r"call \.get\(\), or decrypt_settings\(globals\(\)\)"):
        CONVERSIONS[name](Secret(TOKEN))
    with pytest.raises(UndecryptedError, match=r"call \.decrypt\(\)"):
        CONVERSIONS[name](StrictSecret(TOKEN))
    with pytest.raises(AttributeError, match=r"has no attribute encode: .*\.get\(\)"):
        Secret(TOKEN).encode()
    assert issubclass(UndecryptedError, TokenError)


def test_a_template_is_as_strict() -> None:
    secret = Secret.template("redis://:{}@h", TOKEN)
    with pytest.raises(UndecryptedError):
        str(secret)
    assert repr(secret) == "_Template(<redacted>)"


def test_what_shows_and_moves_it_still_works() -> None:
    secret = Secret(TOKEN)
    for shown in (repr(secret), f"{secret!r}", f"{[secret]}", "%r" % secret, str({"a": secret}), ascii(secret)):  # noqa: UP031
        assert "<redacted>" in shown
        assert "example" not in shown
    assert secret == secret
    assert secret != Secret(TOKEN)
    assert secret is not None
    assert (secret == None) is False  # noqa: E711
    for twin in (copy.copy(secret), copy.deepcopy(secret), pickle.loads(pickle.dumps(secret))):
        assert twin.get() == "example-plaintext"
    assert not hasattr(secret, "__html__")
    assert not callable(secret)


def test_truth_is_that_of_the_value() -> None:
    assert Secret(TOKEN)
    assert StrictSecret(TOKEN)
    assert not Secret("")
    assert (Secret("") or "default") == "default"


@pytest.mark.parametrize(
    "log",
    [
        lambda logger, secret: logger.warning("a %s b", secret),
        lambda logger, secret: logger.warning("a %s b %d", secret, 1),
        lambda logger, secret: logger.warning("a %(x)s b", {"x": secret}),
        lambda logger, secret: logger.warning("a %s b", [secret]),
        lambda logger, secret: logger.warning(secret),
        lambda logger, secret: logger.warning("a %s %s", "b", secret, extra={"more": secret}),
    ],
)
def test_a_log_line_shows_it_redacted_and_is_not_lost(
    log: Callable[[Any, Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    logger, out = logging.Logger("x"), io.StringIO()  # noqa: LOG001  (nobody else's handlers)
    logger.addHandler(logging.StreamHandler(out))
    logger.addHandler(logging.handlers.QueueHandler(queue.SimpleQueue()))
    log(logger, Secret(TOKEN))
    assert "Secret(<redacted>)" in out.getvalue()
    assert capsys.readouterr().err == ""


def test_a_log_line_in_settings_is_kept_before_django_has_started() -> None:
    script = (
        "import logging; logging.basicConfig(format='%(message)s'); from zemanta_ops.secrets import Secret; "
        f"logging.warning('key is %s', Secret({TOKEN!r}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "key is Secret(<redacted>)\n"
