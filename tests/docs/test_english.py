"""The English of code, messages and docs has no more tell-tale words than that of the best-written packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import english
from tests.docs.english import LIMITS, Text

# Each kind of text, in all rooms; `python -m tests.docs.english` counts each room by itself.
HELD = (*(pytest.param(kind, marks=pytest.mark.more) for kind in ("comments", "messages")), "docs")


@pytest.mark.parametrize("kind", HELD)
def test_tell_tale_words_are_as_rare_as_in_the_best_packages(kind: str) -> None:
    texts = [text for found in english.report(kind).values() for text in found]
    counts = english.per_thousand(texts)
    above = {word: count for word, count in counts.items() if count > LIMITS[word]}
    assert not above, "\n".join(
        f"{finding.path.relative_to(english.ROOT)}:{finding.line}: {finding.word}: {finding.context}"
        for finding in english.findings(texts)
        if finding.word in above
    )


@pytest.mark.more
def test_every_kind_of_text_is_found() -> None:
    assert [name for name, found in english.report().items() if not found] == []


@pytest.mark.parametrize(
    "text",
    [
        "Use TCP where the network loses packets.",
        "Where a name fits two patterns, it is refused.",
        "It stands in the settings.",
        "The command says that it failed.",
        "A blank value is no value.",
        "Dotted names of before.",
        "It repeats so many times.",
    ],
)
def test_each_tell_tale_word_is_found(text: str) -> None:
    assert len(english.findings([Text(Path(), 1, text)])) == 1


@pytest.mark.parametrize(
    "text",
    [
        "The command shows where the metric stops.",
        "The file where the key is.",
        "Where the agent runs",
        "Where is the key?",
        "The message says what to do.",
        "There is no lock.",
        "It is no longer sent.",
        "It understands the standard.",
        "The stand-in answers at once.",
        "A tell-tale word.",
    ],
)
def test_the_same_words_are_not_counted_in_plain_english(text: str) -> None:
    assert english.findings([Text(Path(), 1, text)]) == []


def test_literals_are_not_read(tmp_path: Path) -> None:
    page = tmp_path / "page.rst"
    page.write_text("One ``where`` here::\n\n    it stands\n\n.. code-block:: text\n\n    it says\n\nTwo words.\n")
    texts = list(english.docs([page]))
    assert english.findings(texts) == []
    assert [text.text for text in texts] == ["One … here::", "Two words."]
