"""What each program reads in a line of a .env file: the libraries themselves are asked, where they run here."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import environ
import pytest
from decouple import RepositoryEnv
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files import env_readers
from zemanta_ops.secrets.files.env_readers import ABSENT, UNSURE, AmbiguousError, list_entries, read_entry
from zemanta_ops.secrets.files.source_file import decode

VALUES = st.text(alphabet=" \t#'\"\\$ab{}=;-é\xa0n", max_size=12)
HEADS = st.sampled_from(["A=", "export A=", "A =", "A= ", " A=", "A=\t"])


def python_dotenv(text: str) -> str | None:
    return dotenv_values(stream=io.StringIO(text), interpolate=True).get("A")


def django_environ(text: str) -> str | None:
    class Env(environ.Env):  # type: ignore[misc]
        ENVIRON: dict[str, str] = {}  # noqa: RUF012 (the library's own attribute)

    Env.read_env(io.StringIO(text))
    try:
        return str(Env()("A")) if "A" in Env.ENVIRON else None
    except environ.ImproperlyConfigured:
        return "(another variable)"


def python_decouple(text: str) -> str | None:
    with mock.patch("decouple.open", lambda *_, **__: io.StringIO(text, newline=None)):
        return dict(RepositoryEnv(".env").data).get("A")


@pytest.fixture(autouse=True, scope="module")
def _silence() -> Iterator[None]:
    """Keep the libraries from logging each line that they cannot read."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("after", ["'\\'", "'a\\'", "'\\' #x", "'a\\\\\\'", "'a\\' #'b"])
def test_a_backslash_before_the_last_quote_is_read_differently_by_version(after: str) -> None:
    assert env_readers.READERS["python-dotenv"]("A", after) == UNSURE


@pytest.mark.parametrize("after", ["'a'", "'a\\\\'", "'it\\'s'", "'a' #x'", "''"])
def test_a_whole_single_quoted_value_is_known(after: str) -> None:
    assert env_readers.READERS["python-dotenv"]("A", after) == python_dotenv(f"A={after}\n")


@given(HEADS, VALUES)
def test_the_readings_of_the_libraries_are_known(head: str, value: str) -> None:
    text = f"{head}{value}\n"
    try:
        [entry] = list_entries(decode(Path(".env"), text.encode()))
    except SourceError:
        # Refused as a whole.
        return
    libraries = {"python-dotenv": python_dotenv, "django-environ": django_environ, "python-decouple": python_decouple}
    for name, library in libraries.items():
        known = env_readers.READERS[name](entry.key, entry.after)
        if known == ABSENT:
            assert library(text) is None
        elif known != UNSURE:
            assert library(text) == known, (name, text)


CASES = [
    # line, python-dotenv, django-environ, python-decouple, docker, compose, systemd
    ("A=abc", "abc", "abc", "abc", "abc", "abc", "abc"),
    ("A=abc #def", "abc", "abc #def", "abc #def", "abc #def", "abc", "abc #def"),
    ("A=abc#def", "abc#def", "abc#def", "abc#def", "abc#def", "abc#def", "abc#def"),
    ("A=abc\t#def", "abc", "abc\t#def", "abc\t#def", "abc\t#def", "abc\t#def", "abc\t#def"),
    (r'A="CORP\svc"', r"CORP\svc", "CORPsvc", r"CORP\svc", r'"CORP\svc"', UNSURE, r"CORP\svc"),
    (r"A=CORP\svc", r"CORP\svc", r"CORP\svc", r"CORP\svc", r"CORP\svc", r"CORP\svc", "CORPsvc"),
    (r"A='CORP\svc'", r"CORP\svc", r"CORP\svc", r"CORP\svc", r"'CORP\svc'", r"CORP\svc", r"CORP\svc"),
    (r'A="a\nb"', "a\nb", r"a\nb", r"a\nb", r'"a\nb"', "a\nb", r"a\nb"),
    (r'A="a\"b"', 'a"b', 'a"b', 'a\\"b', r'"a\"b"', 'a"b', 'a"b'),
    (r'A="a\\b"', r"a\b", r"a\b", r"a\\b", r'"a\\b"', r"a\b", r"a\b"),
    ("A=pa$word", "pa$word", "pa$word", "pa$word", "pa$word", UNSURE, "pa$word"),
    ("A=$word", "$word", UNSURE, "$word", "$word", UNSURE, "$word"),
    ("A=a${B}c", UNSURE, "a${B}c", "a${B}c", "a${B}c", UNSURE, "a${B}c"),
    ("A='a${B}c'", UNSURE, "a${B}c", "a${B}c", "'a${B}c'", "a${B}c", "a${B}c"),
    ("A= abc", "abc", " abc", "abc", " abc", "abc", "abc"),
    ("A=abc ", "abc", "abc ", "abc", "abc ", "abc", "abc"),
    ("A =abc", "abc", ABSENT, "abc", ABSENT, "abc", "abc"),
    ("export A=abc", "abc", "abc", ABSENT, ABSENT, "abc", ABSENT),
    ("A='abc' # x", "abc", "'abc' # x", "'abc' # x", "'abc' # x", "abc", "abc# x"),
    ("A='a b'", "a b", "a b", "a b", "'a b'", "a b", "a b"),
    ("A=a b", "a b", "a b", "a b", "a b", "a b", "a b"),
    ('A=a"b"', 'a"b"', 'a"b"', 'a"b"', 'a"b"', 'a"b"', 'a"b"'),
    ("A=#abc", UNSURE, "#abc", "#abc", "#abc", "#abc", "#abc"),
    ("A=abc\\", "abc\\", "abc\\", "abc\\", "abc\\", "abc\\", UNSURE),
    ('A="a\nb"', "a\nb", '"a', '"a', UNSURE, "a\nb", "a\nb"),
]


@pytest.mark.parametrize(("line", "values"), [(line, values) for line, *values in CASES])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_what_each_program_reads(line: str, values: list[str], end: str) -> None:
    [entry] = list_entries(decode(Path(".env"), f"{line}{end}".encode()))
    read = [reader(entry.key, entry.after) for reader in env_readers.READERS.values()]
    assert read == values


@pytest.mark.parametrize(("line", "values"), [(line, values) for line, *values in CASES])
def test_a_value_counts_only_if_all_programs_agree(line: str, values: list[str]) -> None:
    [entry] = list_entries(decode(Path(".env"), line.encode()))
    # docker reads quotes as part of the value.
    values = [value for value in values if value[:1] not in ("'", '"')] if line[2:3] in ("'", '"') else values
    known = {value for value in values if value != ABSENT}
    if len(known) == 1:
        assert read_entry(entry, "x").value == known.pop()
    elif len(line.split()) == 1 or line != "A='abc' # x":
        with pytest.raises(AmbiguousError, match=r"--reader"):
            read_entry(entry, "x")
