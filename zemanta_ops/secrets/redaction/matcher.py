"""Find the revealed values in a text, so cheaply when there are none that every log line can be looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from zemanta_ops.secrets.redaction.forms import MIN_LENGTH, forms

REDACTED = "<redacted>"

_GRAM = 4
_MAX_STRIDE = 16
_ELLIPSES = ("...", "…")


class Matcher:
    """Searches for a set of values and all their forms; immutable."""

    def __init__(self, values: Iterable[str]) -> None:
        """Compute every form of every value."""
        known = {form for value in values for form in forms(value)}
        # A form that stands in a text covers one of every `stride` consecutive places, if the stride is no longer than
        # the number of grams in the shortest form. So looking at every stride-th place of a text misses none.
        self._stride = min(_MAX_STRIDE, min(map(len, known), default=MIN_LENGTH) - _GRAM + 1)
        grams: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for form in known:
            for offset in range(self._stride):
                grams[form[offset : offset + _GRAM]].append((offset, form))
        self._grams = dict(grams)
        self._known = frozenset(grams)
        self._longest = max(map(len, known), default=0)

    def redact(self, text: str) -> str:
        """Return ``text`` with every form replaced; the very same object where there is none."""
        if not self._known:
            return text
        places = range(0, len(text) - _GRAM + 1, self._stride)
        if self._known.isdisjoint([text[at : at + _GRAM] for at in places]):
            return text
        return _cut_out(text, sorted(self._spans(text)))

    def redact_cut(self, text: str) -> str:
        """Redact a text that was cut short and ended with an ellipsis: the start of a form before it goes too."""
        clean = self.redact(text)
        ellipsis = next((mark for mark in _ELLIPSES if clean.endswith(mark)), "")
        body = clean.removesuffix(ellipsis)
        if not ellipsis:
            return clean
        for at in range(max(0, len(body) - self._longest), len(body) - _GRAM + 1):
            rest = body[at:]
            if any(offset == 0 and form.startswith(rest) for offset, form in self._grams.get(rest[:_GRAM], ())):
                return body[:at] + REDACTED + ellipsis
        return clean

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for at in range(0, len(text) - _GRAM + 1, self._stride):
            for offset, form in self._grams.get(text[at : at + _GRAM], ()):
                start = at - offset
                if start >= 0 and text.startswith(form, start):
                    yield start, start + len(form)


def _cut_out(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in spans:
        if start >= done:
            parts += [text[done:start], REDACTED]
        done = max(done, end)
    return "".join([*parts, text[done:]]) if spans else text
