"""YAML through the node graph of ruamel.yaml, whose marks are offsets into the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from zemanta_ops.secrets.files.formats.base import FormatError, Literal, SettingPath, Span, line_of, other, pieces

_STRING_TAG = "tag:yaml.org,2002:str"
# An alias may be inside its own anchor.
_MAX_DEPTH = 100
# Aliases of aliases grow without bound.
_MAX_VALUES = 100_000


def scalars(text: str) -> list[Literal]:
    """Return every scalar value of every document of a YAML text; an aliased node counts once, where it is anchored.

    Raises:
        FormatError: The text is not YAML.
    """
    seen: set[int] = set()
    return [literal for document in _compose(text) for literal in _walk(text, document, (), seen)]


def values(text: str) -> list[Literal]:
    """Return every scalar value at every setting that has it: an aliased one counts at each alias too.

    Raises:
        FormatError: The text is not YAML, or its aliases multiply without bound.
    """
    documents = _compose(text)
    found = [literal for document in documents for literal in islice(_walk(text, document, (), None), _MAX_VALUES)]
    if len(found) >= _MAX_VALUES:
        raise FormatError(0, "too many values, or aliases that multiply without bound")
    # Several documents are alternatives, such as one for each environment.
    return [replace(literal, conditional=True) for literal in found] if len(documents) > 1 else found


def _compose(text: str) -> list[Any]:
    try:
        return list(YAML(typ="rt", pure=True).compose_all(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise FormatError(mark.line + 1 if mark else 0, "not valid YAML") from None
    except (YAMLError, RecursionError, ValueError):
        raise FormatError(0, "not valid YAML") from None


def _walk(text: str, node: Any, path: SettingPath, seen: set[int] | None) -> Iterator[Literal]:
    if node is None or len(path) > _MAX_DEPTH or (seen is not None and id(node) in seen):
        return
    if seen is not None:
        seen.add(id(node))
    if isinstance(node, MappingNode):
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else "?"
            # "<<" merges another mapping into this one, so it is not part of the path.
            yield from _walk(text, value, path if name == "<<" else (*path, name), seen)
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk(text, value, (*path, str(index)), seen)
    elif node.tag == _STRING_TAG:
        yield _literal(text, node, path)
    else:
        yield other(text, path, (node.start_mark.index, node.end_mark.index))


def _literal(text: str, node: ScalarNode, path: SettingPath) -> Literal:
    span = _skip_anchor(text, node)
    quote = int(node.style in ("'", '"'))
    inner = (span[0] + quote, span[1] - quote)
    return Literal(path, node.value, span, pieces(text, inner, node.value), line_of(text, span[0]))


def _skip_anchor(text: str, node: ScalarNode) -> Span:
    start, end = node.start_mark.index, node.end_mark.index
    # The marks of a scalar include its anchor and tag ("&db !str 'x'"), which must be kept.
    while start < end and text[start] in "&!":
        while start < end and not text[start].isspace():
            start += 1
        while start < end and text[start].isspace():
            start += 1
    return start, end
