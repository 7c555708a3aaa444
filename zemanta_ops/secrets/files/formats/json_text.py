"""JSON with positions, which the standard library's decoder does not give."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from zemanta_ops.secrets.files.formats.base import FormatError, Literal, SettingPath, line_of, other, pieces

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ATOM = re.compile(r"[^\s,\]}]+")


def scalars(text: str) -> list[Literal]:
    """Return every scalar value of a JSON text.

    Raises:
        FormatError: The text is not JSON.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(error.lineno, "not valid JSON") from None
    except RecursionError:
        raise FormatError(0, "nested too deeply") from None
    return list(_Scanner(text).value(()))


class _Scanner:
    """Scans a text that is known to be valid, so it checks nothing."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def value(self, path: SettingPath) -> Iterator[Literal]:
        self._space()
        opening = self.text[self.at]
        if opening in "[{":
            yield from self._members(path, opening)
        elif opening == '"':
            yield self._string(path)
        else:
            start = self.at
            self._take(_ATOM)
            yield other(self.text, path, (start, self.at))

    def _members(self, path: SettingPath, opening: str) -> Iterator[Literal]:
        self.at += 1
        index = 0
        while not self._closes():
            key = str(index)
            if opening == "{":
                key = json.loads(self._take(_STRING), strict=False)
                self._space()
                self.at += 1
            yield from self.value((*path, key))
            index += 1

    def _closes(self) -> bool:
        self._space()
        if self.text[self.at] == ",":
            self.at += 1
            self._space()
        if self.text[self.at] not in "]}":
            return False
        self.at += 1
        return True

    def _string(self, path: SettingPath) -> Literal:
        start = self.at
        value = json.loads(self._take(_STRING))
        inner = (start + 1, self.at - 1)
        return Literal(path, value, (start, self.at), pieces(self.text, inner, value), line_of(self.text, start))

    def _space(self) -> None:
        self._take(_SPACE)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None  # noqa: S101 (json.loads has accepted the text)
        self.at = match.end()
        return match.group()
