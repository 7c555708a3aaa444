"""What programs print of a secret alone: a URL's password, a string in JSON, a line of a key; and other languages."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import shlex
import signal
import threading
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus
from xml.sax import saxutils

import pytest
from django.conf import settings
from django.test import RequestFactory, override_settings
from django.utils.html import escapejs, json_script
from django.utils.module_loading import import_string
from django.views.debug import SafeExceptionReporterFilter

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.redaction import redact, values
from zemanta_ops.secrets.redaction.forms import forms
from zemanta_ops.secrets.redaction.matcher import Matcher
from zemanta_ops.secrets.redaction.parts import parts
from zemanta_ops.secrets.wire import REDACTED

PEM = "-----BEGIN EXAMPLE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END EXAMPLE KEY-----\n"

PARTS = {
    "password of a URL": ("postgres://shop:example-pw-1@db/shop", 'password "example-pw-1" refused'),
    "password of a URL, unescaped": ("postgres://shop:example%2Fpw%401@db/shop", "password=example/pw@1"),
    "password of a URL, as written": ("postgres://shop:example%2Fpw%401@db/shop", "password=example%2Fpw%401"),
    "password of a URL without a user": ("redis://:example-pw-1@cache:6379/0", "AUTH example-pw-1"),
    "password of a URL that parsers refuse": ("amqp://shop:example[pw/1#?@mq//", "login(example[pw/1#?)"),
    "password with an at sign": ("smtp://shop:example@pw@1@mail", "LOGIN example@pw@1"),
    "password of which urlsplit prints a part": (
        "postgres://shop:example4pw/rest@db/shop",
        "Port could not be cast to integer value as 'example4pw'",
    ),
    "password with a hash that urlsplit prints a part of": ("redis://:example4pw#rest@db/0", "value as 'example4pw'"),
    "password with two at signs": ("smtp://shop:example4pw@rest4part@mail", "cannot resolve rest4part"),
    "second URL of a list": ("amqp://shop:example-pw-1@a;amqp://shop:example-pw-2@b", "refused example-pw-2"),
    "second node of a cluster": ("redis://:example-pw-1@a/0,redis://:example-pw-2@b/0", "AUTH example-pw-2"),
    "token of a header": ("Bearer exampletoken", "the token exampletoken has expired"),
    "token of a header, with dots": ("Bearer a.example.token", "the token a.example.token has expired"),
    "key of a list": ("example4711key-a,example4711key-b", "no such key: example4711key-b"),
    "key of a dict": ("a=example4711key-a,b=example4711key-b", "no such key: example4711key-b"),
    "password of a pair": ("shop:example4711password", "refused example4711password"),
    "password in a line of .pgpass": ("db:5432:shop:user:example4711password", "refused example4711password"),
    "random part of a webhook": (
        "https://hooks.example.org/services/T01/B02/exampleHook4711x",
        "Max retries exceeded with url: /services/T01/B02/exampleHook4711x (Caused by",
    ),
    "random part without digits": ("https://example.org/hook/exampleOfALongPathPart", "POST exampleOfALongPathPart"),
    "token in a query": (
        "https://example.org/feed?page=2&token=example-token",
        "url: /feed?page=2&token=example-token",
    ),
    "token in a query, unescaped": ("amqp://mq/?auth_key=example%2Fkey+1", "bad key example/key 1"),
    "signature under another name": ("https://example.org/f?x=example4711sign", "403 for example4711sign"),
    "key of a DSN": ("https://0123example4567@sentry.example.org/42", "public_key=0123example4567"),
    "password of libpq": ("host=db password=example-pw-1 dbname=shop", "failed for example-pw-1"),
    "password of libpq, quoted": (r"host=db password='example pw\'1' dbname=shop", "failed for example pw'1"),
    "password of ODBC": ("Server=tcp:db;User ID=shop;Password=example!pw;Encrypt=yes", "Login failed: example!pw"),
    "password of ODBC, in braces": ("DRIVER={any};UID=shop;PWD={example;pw}", "Login failed: example;pw"),
    "key of Azure": ("AccountName=shop;AccountKey=ZXhhbXBsZWtleQ==;EndpointSuffix=x", "sig ZXhhbXBsZWtleQ=="),
    "user and password of a broker list": ("amqp://shop:example-pw-1@a;amqp://b", "refused example-pw-1"),
    "string in JSON": (json.dumps({"a": [{"key": "example-string"}]}), "KeyError: example-string"),
    "item of a JSON list": (json.dumps(["example item 1", "example item 2"]), "got 'example item 2'"),
    "item of a JSON list in a list": (json.dumps([[1, "example item"]]), "got example item"),
    "JSON that is one string": (json.dumps("example-string é"), "got example-string é"),
    "URL in JSON": (json.dumps({"dsn": "https://example-dsn-key:example-dsn-pw@host/1"}), "key example-dsn-pw"),
    "line of a PEM file": (PEM, "cannot parse MIGHAgEAMBMGByqGSM49"),
    "line of a PEM file in JSON": (json.dumps({"private_key": PEM}), "cannot parse AgEGCCqGSM49AwEHBG0w"),
    "value in YAML": ("db:\n  host: h\n  password: example-pw-1\n", "refused example-pw-1"),
    "value in YAML of one line": ("password: example-pw-1\n", "refused example-pw-1"),
    "value in YAML, with a comment": ("a: 1\nb: example pw 1  # of the shop\n", "refused 'example pw 1'"),
    "value in YAML, with a tag": ("a: 1\nb: !!str &pw example-pw-1\n", "refused example-pw-1"),
    "item in YAML": ("keys:\n  - example-pw-1\n", "refused example-pw-1"),
    "value in an item in YAML": ("keys:\n  - key: example-pw-1\n", "refused example-pw-1"),
    "quoted in YAML": ("a: 1\nb: 'example''pw'\nc: \"example\\u00e9pw\"\n", "refused example'pw exampleépw"),
    "value in one line of YAML": ("a: 1\nb: {user: shop, password: example-pw-1}\n", "refused example-pw-1"),
    "block in YAML": ("a: 1\nb: |\n  example-pw-1\n  example-pw-2\n", "refused example-pw-2"),
    "value in TOML": ('[db]\npassword = "example\\"pw"  # of the shop\n', 'refused example"pw'),
    "value in a TOML array": ('keys = [\n  "example-pw-0",\n  "example-pw-1",\n]\n', "refused example-pw-1"),
    "value in a TOML table of one line": ("a = 1\ndb = { port = 1, pw = 'example-pw-1' }\n", "refused example-pw-1"),
    "value in INI": ("[db]\npw = example-pw-1\n", "refused example-pw-1"),
    "value in .env": ("A=1\nexport PW='example pw 1'\n", "refused example pw 1"),
    "URL in YAML": ("a: 1\ndb: postgres://shop:example-pw-1@db/shop\n", "refused example-pw-1"),
    "JSON in JSON": (json.dumps({"a": json.dumps({"b": "example-inner"})}), "example-inner"),
}


@pytest.mark.parametrize("case", PARTS)
def test_a_part_of_a_value_is_redacted(case: str) -> None:
    value, shown = PARTS[case]
    assert redact(shown) == shown
    ledger.reveal(value)
    assert REDACTED in redact(shown)
    assert not [part for part in parts(value) if len(part) >= ledger.MIN_REDACTED_LENGTH and part in redact(shown)]


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com:443/path",
        "https://deployment@example.com/production/releases?page=important",
        "sort=ascending value",
        "sort: ascending value",
        "read,write,administration",
        "db-1.internal.example.com:5432",
        "https://one.example.com,https://two.example.com",
        "{not json at all",
        "[" * 100_000,
        "no://",
        "://@",
        "http://[::1",
    ],
)
def test_what_only_looks_like_a_url_or_json_is_one_value(value: str) -> None:
    assert parts(value) == {value}


def test_each_parameter_of_a_query_is_looked_at_alone() -> None:
    found = parts("https://h.example/p?page=1&token=example==&sig=other-example&name=shop")
    assert {"example==", "other-example"} <= found
    assert found.isdisjoint({"1", "shop", "token=example=="})


def test_short_parts_are_not_redacted() -> None:
    ledger.reveal("postgres://shop:short@db/shop")
    assert redact("a short line") == "a short line"


NASTY = "example'pw\"with;<tags>&back\\slash=1-`$HOME`/% +é\u2028"


def write_csv(value: str) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(["name", value])
    return out.getvalue().strip()


LANGUAGES: dict[str, Callable[[str], str]] = {
    "shell": shlex.quote,
    "shell in repr": lambda value: repr(f"mysql -p{shlex.quote(value)}"),
    "shell in JSON": lambda value: json.dumps({"command": shlex.join(["mysql", value])}),
    "SQL": lambda value: "ALTER USER shop PASSWORD '{}'".format(value.replace("'", "''")),
    "SQL in repr": lambda value: repr("PASSWORD '{}'".format(value.replace("'", "''"))),
    "SQL with backslashes": lambda value: value.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"'),
    "JavaScript": lambda value: str(escapejs(value)),
    "JavaScript of JSON": lambda value: str(escapejs(json.dumps({"a": value}))),
    "json_script": lambda value: str(json_script({"a": value}, "id")),
    "URL in a URL": lambda value: quote(f"next={quote(value, safe='')}", safe=""),
    "shell, quotes closed and opened": lambda value: value.replace("'", "'\\''"),
    "shell, double quotes": lambda value: re.sub(r'([\\"$`])', r"\\\1", value),
    "PostgreSQL with backslashes": lambda value: value.replace("\\", "\\\\").replace("'", "''"),
    "CSV": write_csv,
    "CSV in repr": lambda value: repr([write_csv(value)]),
    "XML text": saxutils.escape,
    "XML attribute": lambda value: saxutils.escape(value, {'"': "&quot;"}),
    "XML, all quotes": lambda value: saxutils.escape(value, {'"': "&quot;", "'": "&apos;"}),
    "HTML without quotes": lambda value: html.escape(value, quote=False),
    "HTML of Jinja": lambda value: saxutils.escape(value, {'"': "&#34;", "'": "&#39;"}),
    "HTML of Go": lambda value: saxutils.escape(value, {'"': "&#34;", "'": "&#39;", "+": "&#43;"}),
    "HTML of PHP": lambda value: saxutils.escape(value, {'"': "&quot;", "'": "&#039;"}),
    "JSON of Go": lambda value: re.sub("[<>&\u2028]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value)),
    "URL of JavaScript": lambda value: quote(value, safe="!'()*"),
    "form in a form": lambda value: quote_plus(f"next={quote_plus(value)}"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_value_in_another_language_is_redacted(language: str) -> None:
    ledger.reveal(NASTY)
    clean = redact(f"before {LANGUAGES[language](NASTY)} after")
    assert REDACTED in clean
    assert "slash" not in clean
    assert clean.startswith("before ")
    assert clean.endswith(" after")


def test_a_matcher_that_grew_finds_what_a_new_one_finds() -> None:
    secrets = ["a-longer-example-value-0", "example-8", "another-example", PEM, "12345678", "é" * 9]
    grown = Matcher()
    for secret in secrets:
        grown = grown.with_values([secret])
    text = " | ".join(secrets)
    assert grown.redact(text) == Matcher(secrets).redact(text)
    assert not [secret for secret in secrets if secret in grown.redact(text)]


def test_each_value_is_escaped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line after each of 200 secrets does not compute the forms of those before."""
    from zemanta_ops.secrets.redaction import matcher

    asked: list[str] = []
    real = forms

    def counted(value: str) -> frozenset[str]:
        asked.append(value)
        return real(value)

    monkeypatch.setattr(matcher, "forms", counted)
    for number in range(20):
        ledger.reveal(f"example-value-{number:03}")
        assert redact(f"has example-value-{number:03}") == f"has {REDACTED}"
    assert sorted(asked) == sorted(set(asked))


def test_forgotten_values_are_not_redacted() -> None:
    ledger.reveal("example-forgotten")
    assert redact("example-forgotten") == REDACTED
    ledger.forget()
    assert redact("example-forgotten") == "example-forgotten"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_while_a_thread_builds_redacts() -> None:
    held, done = threading.Event(), threading.Event()

    def build() -> None:
        with values._building:
            held.set()
            done.wait(20)

    thread = threading.Thread(target=build)
    thread.start()
    held.wait(20)
    ledger.reveal("example-after-fork")
    child = os.fork()
    if child == 0:
        os._exit(0 if redact("example-after-fork") == REDACTED else 1)
    try:
        assert _ends(child) == 0
    finally:
        done.set()
        thread.join()


def _ends(child: int) -> int:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError("the child waits for a lock that no thread will release")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
def test_a_signal_handler_that_logs_while_a_matcher_is_built_does_not_wait_for_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    real = Matcher.with_values

    def interrupted(self: Matcher, new: frozenset[str]) -> Matcher:
        if not seen:
            seen.append("")
            seen[0] = redact("an example-in-handler line")
        return real(self, new)

    monkeypatch.setattr(Matcher, "with_values", interrupted)
    ledger.reveal("example-in-handler")
    assert redact("example-in-handler") == REDACTED
    assert seen == [f"an {REDACTED} line"]


FILTER = "zemanta_ops.secrets.redaction.reporter.RedactingExceptionReporterFilter"


@override_settings(
    DEFAULT_EXCEPTION_REPORTER_FILTER=FILTER,
    BROKER="amqp://shop:example-pw-9@mq",
    ENDPOINTS=["x example-pw-9"],
)
def test_all_who_ask_djangos_filter_get_settings_and_request_without_secrets() -> None:
    """django-debug-toolbar's settings panel calls ``get_safe_settings`` of the default filter."""
    ledger.reveal("amqp://shop:example-pw-9@mq")
    # Django caches the filter of the first call.
    safe = import_string(settings.DEFAULT_EXCEPTION_REPORTER_FILTER)()
    assert isinstance(safe, SafeExceptionReporterFilter)
    request = RequestFactory().get("/?a=1", headers={"x-shop": "example-pw-9"})
    shown = f"{safe.get_safe_settings()} {safe.get_safe_request_meta(request)}"
    assert "example-pw-9" not in shown
    assert shown.count(REDACTED) >= 3
