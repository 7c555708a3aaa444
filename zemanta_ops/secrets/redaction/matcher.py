"""Search for revealed values in a text, fast enough for every log line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zemanta_ops.secrets.ledger import MIN_REDACTED_LENGTH
from zemanta_ops.secrets.redaction.forms import forms
from zemanta_ops.secrets.wire import REDACTED

_GRAM = 4
_MAX_STRIDE = 16
_ELLIPSES = ("...", "…")


class Matcher:
    """Searches for a set of values and all their forms. It only grows, and may be read while it does."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """Compute every form of every value."""
        self._build({form for value in values for form in forms(value)})

    def with_values(self, values: Iterable[str]) -> Matcher:
        """Return a matcher that searches for ``values`` too: this one, or another if they have shorter forms."""
        new = {form for value in values for form in forms(value)} - self._forms
        if self._forms and all(len(form) - _GRAM + 1 >= self._stride for form in new):
            self._add(new)
            return self
        other = Matcher()
        other._build(self._forms | new)
        return other

    def _build(self, known: set[str]) -> None:
        # Every form has at least `stride` grams. Wherever in a text the form is, one of them starts at a multiple of
        # `stride`: it is enough to look up every stride-th gram of the text.
        self._stride = min(_MAX_STRIDE, min(map(len, known), default=MIN_REDACTED_LENGTH) - _GRAM + 1)
        self._forms: set[str] = set()
        self._grams: dict[str, list[tuple[int, str]]] = {}
        self._known: set[str] = set()
        self._longest = 0
        self._add(known)

    def _add(self, known: set[str]) -> None:
        for form in known:
            for offset in range(self._stride):
                gram = form[offset : offset + _GRAM]
                self._grams.setdefault(gram, []).append((offset, form))
                # Last: whoever finds a gram here finds its forms above.
                self._known.add(gram)
        self._forms |= known
        self._longest = max(self._longest, max(map(len, known), default=0))

    def redact(self, text: str) -> str:
        """Return ``text`` with every form replaced, or the same object if it contains none."""
        if not self._known:
            return text
        places = range(0, len(text) - _GRAM + 1, self._stride)
        if self._known.isdisjoint([text[at : at + _GRAM] for at in places]):
            return text
        return _cut_out(text, sorted(self._spans(text)))

    def redact_cut(self, text: str) -> str:
        """Redact a text that was shortened with an ellipsis, and the start of a form before the ellipsis."""
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
