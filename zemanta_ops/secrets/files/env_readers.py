"""What the programs that load ``.env`` files read in a line, which is not always the same. Nothing is expanded.

Each reader returns the value, ``ABSENT`` if the program passes over the line, or ``UNSURE`` if its value depends on
other variables or on the program's version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.formats import FormatError, Literal, dotenv
from zemanta_ops.secrets.files.formats.base import Span
from zemanta_ops.secrets.files.source_file import SourceFile

ABSENT, UNSURE = "\0absent", "\0unsure"

_ENVIRON_KEY = re.compile(r"(?:export )?[A-Za-z_0-9]+")
# A single-quoted value up to the first quote that no backslash escapes.
_SINGLE = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
_INTERPOLATED = re.compile(r"\$\{[^}:]*(?::-[^}]*)?\}")
_QUOTED = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'[^']*')[ \t]*(?:#.*)?""")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_RARE_ESCAPE = re.compile(r"\\[^nr\"']")
_BLANK = re.compile(r"\s")
_LINE_END = re.compile(r"[\r\n]")
_BLANKS = " \t\r\n"
_SHELL_SPECIAL = '"\\`$'
# States of systemd's reader.
_QUOTES = ("'", '"')
_VALUE = "value"
# Programs that read a value of several lines up to the end of the first.
_ONE_LINE = ("django-environ", "python-decouple")


class AmbiguousError(SourceError):
    """Programs read a value differently, or refer to other variables in it."""


@dataclass(frozen=True)
class Entry:
    """One assignment of a ``.env`` file.

    Attributes:
        literal: Its value as this package reads it: as python-dotenv does.
        key: The text of the line before ``=``.
        after: The text after ``=``, to the end of the last line of the value.
        span: The place of ``after`` in the file.
    """

    literal: Literal
    key: str
    after: str = field(repr=False)
    span: Span


@dataclass(frozen=True)
class Reading:
    """A value, and the programs that read it so."""

    value: str = field(repr=False)
    readers: tuple[str, ...]


def list_entries(file: SourceFile) -> list[Entry]:
    """Return the assignments of a ``.env`` file."""
    text = file.text
    found = []
    for literal in file.scalars:
        begin = text.rfind("\n", 0, literal.span[0]) + 1
        equals = text.index("=", begin)
        end = text.find("\n", literal.span[1])
        end = len(text) if end < 0 else end
        end -= text[equals + 1 : end].endswith("\r")
        found.append(Entry(literal, text[begin:equals], text[equals + 1 : end], (equals + 1, end)))
    return found


def read_entry(entry: Entry, place: str, reader: str = "") -> Reading:
    """Return the value of an assignment.

    Args:
        entry: The assignment.
        place: File and line, for the error.
        reader: The program that reads the file; by default all that could must agree.

    Raises:
        AmbiguousError: They do not, or the value depends on other variables. It quotes nothing.
    """
    names = [reader] if reader else _find_candidates(entry)
    values = {name: READERS[name](entry.key, entry.after) for name in names}
    known = {name: value for name, value in values.items() if value != ABSENT}
    setting = entry.literal.setting
    if not known:
        raise AmbiguousError(f"{place} {setting}: {' and '.join(names)} would not read this line")
    if UNSURE in known.values():
        unsure = ", ".join(name for name, value in known.items() if value == UNSURE)
        raise AmbiguousError(
            f"{place} {setting}: {unsure} may replace a part of this value. Write it out, name the program that reads "
            f"the file with --reader, or leave the value as it is with --skip {setting}"
        )
    if len(set(known.values())) > 1:
        raise AmbiguousError(
            f"{place} {setting}: {', '.join(known)} do not all read this value alike. Name the program that reads the "
            "file with --reader, or write the value so that all agree"
        )
    [value] = set(known.values())
    first = [name for name in known if name in _ONE_LINE]
    if "\n" in entry.after and "\n" not in value.strip() and first:
        # The rest of the value would be lost with the lines that the token replaces.
        raise AmbiguousError(
            f"{place} {setting}: {first[0]} reads the first line of this value only. Write it in one line, "
            "or name another program that reads the file with --reader"
        )
    return Reading(value, tuple(known))


def _find_candidates(entry: Entry) -> list[str]:
    # For docker, quotes are part of the value: whoever writes them does not have docker in mind.
    quoted = bool(_QUOTED.fullmatch(entry.after.strip()))
    return [name for name in READERS if not (quoted and name == "docker")]


def find_places(file: SourceFile, new: Mapping[Literal, str], reader: str = "") -> dict[Literal, Span]:
    """Return what tokens must replace if not just the literals, so that the same programs read them.

    Raises:
        SourceError: They would not read a token in any place.
    """
    places = {}
    for entry in list_entries(file) if file.kind == ".env" else ():
        token = new.get(entry.literal)
        # A token of SecretCrypt stays where it is.
        if token and not backends.is_token(entry.literal.value):
            reading = read_entry(entry, f"{file.path}:{entry.literal.line}", reader)
            if span := _find_place(entry, reading, token):
                places[entry.literal] = span
    return places


def _find_place(entry: Entry, reading: Reading, token: str) -> Span | None:
    start, end = (each - entry.span[0] for each in entry.literal.span)
    quote = int(entry.after[start : start + 1] in ("'", '"'))
    kept = f"{entry.after[: start + quote]}{token}{entry.after[end - quote :]}"
    for span, after in ((None, kept), (entry.span, token)):
        if all(READERS[name](entry.key, after) == token for name in reading.readers):
            return span
    raise SourceError(f"{entry.literal.setting}: {', '.join(reading.readers)} would not read a token there")


def keeps_quotes(file: SourceFile) -> bool:
    """Whether docker could read a file, and would read the quotes around its values as parts of them."""
    lines = (line.lstrip() for line in file.text.split("\n"))
    if any(_BLANK.search(line.partition("=")[0]) for line in lines if line and not line.startswith("#")):
        return False
    return any(_QUOTED.fullmatch(each.after.strip()) for each in list_entries(file))


def _python_dotenv(key: str, after: str) -> str:
    try:
        [literal] = dotenv.scalars(f"{key}={after}")
    except (FormatError, ValueError):
        return UNSURE
    # Of a # right after =, and of a backslash before the last single quote, older versions make a value.
    stripped = after.lstrip()
    if _INTERPOLATED.search(literal.value) or stripped.startswith("#") or _ends_escaped(stripped, literal):
        return UNSURE
    return literal.value


def _ends_escaped(after: str, literal: Literal) -> bool:
    whole = _SINGLE.match(after)
    length = literal.span[1] - literal.span[0]
    return after.startswith("'") and (whole is None or whole.end() != length)


def _django_environ(key: str, after: str) -> str:
    if not _ENVIRON_KEY.fullmatch(key):
        return ABSENT
    [value, *_] = after.splitlines() or [""]
    if len(value) > 1 and value[0] == value[-1] == "'":
        value = value[1:-1]
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _ESCAPE.sub(lambda each: each[0] if each[1] in "rnt" else each[1], value[1:-1])
    return UNSURE if value.startswith(("$", "\\$")) else value


def _python_decouple(key: str, after: str) -> str:
    if _BLANK.search(key.strip()):
        return ABSENT
    value = _LINE_END.split(after, maxsplit=1)[0].strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES else value


def _docker(key: str, after: str) -> str:
    if _BLANK.search(key.lstrip()):
        return ABSENT
    return UNSURE if "\n" in after else after


def _compose(_key: str, after: str) -> str:
    value = after.lstrip(" \t\r\v\f")
    quote = value[:1]
    if quote not in ("'", '"') or not value:
        value = value.partition(" #")[0].rstrip()
        return UNSURE if "$" in value else value
    end = next((i for i in range(1, len(value)) if value[i] == quote and value[i - 1] != "\\"), 0)
    inner = value[1:end]
    if not end or inner != inner.strip(quote) or value[end + 1 :].partition("#")[0].strip():
        return UNSURE
    if quote == "'":
        return UNSURE if "\\'" in inner else inner
    # Its versions differ in the other escapes.
    if "$" in inner or _RARE_ESCAPE.search(inner.replace("\\\\", "")):
        return UNSURE
    return _ESCAPE.sub(lambda each: {"n": "\n", "r": "\r"}.get(each[1], each[1]), inner)


def _systemd(key: str, after: str) -> str:
    if _BLANK.search(key.strip()):
        return ABSENT
    made: list[str] = []
    state, kept = "", 0
    characters = iter(after)
    for each in characters:
        if state in _QUOTES:
            state, new = _read_quoted(state, each, characters)
        elif each == "\\":
            # At the end of the line, the next line is part of the value.
            state, new = _VALUE, next(characters, UNSURE)
        elif not state and each in _QUOTES:
            state, new = each, ""
        else:
            state, new = (_VALUE if state or each not in _BLANKS else ""), each if state or each not in _BLANKS else ""
            made.append(new)
            kept = kept if each in _BLANKS else len(made)
            continue
        made.append(new)
        kept = len(made)
    return UNSURE if state in _QUOTES or UNSURE in made else "".join(made[:kept])


def _read_quoted(quote: str, each: str, characters: Iterator[str]) -> tuple[str, str]:
    """Return the state after a character inside quotes, and what it adds to the value."""
    if each == quote:
        return "", ""
    if quote == '"' and each == "\\":
        following = next(characters, UNSURE)
        return quote, following if following in _SHELL_SPECIAL else "" if following == "\n" else f"\\{following}"
    return quote, each


READERS: dict[str, Callable[[str, str], str]] = {
    "python-dotenv": _python_dotenv,
    "django-environ": _django_environ,
    "python-decouple": _python_decouple,
    "docker": _docker,
    "compose": _compose,
    "systemd": _systemd,
}
