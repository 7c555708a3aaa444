"""Apply the templates of a telegraf.conf, ``filter template``, to dotted names as Telegraf does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_ANY = "*"
_JOINER = "_"
_MEASUREMENT, _FIELD = "measurement", "field"
# The template of a name that no filter fits.
_WHOLE = (f"{_MEASUREMENT}{_ANY}",)


@dataclass(frozen=True)
class TemplatedName:
    """What a template makes of a name; an empty ``field`` is Telegraf's default one."""

    measurement: str
    tags: Mapping[str, str]
    field: str


@dataclass
class _Node:
    """A segment in Telegraf's tree of filters."""

    children: dict[str, _Node] = field(default_factory=dict)
    template: tuple[str, ...] | None = None


class Templates:
    """The templates of a configuration.

    Args:
        texts: Each is a filter and a template between blanks, as ``generate_stack`` writes them.

    Raises:
        ValueError: A text is not of that form, or its template names no measurement.

    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._root = _Node()
        for text in texts:
            words = text.split()
            if len(words) != 2 or _MEASUREMENT not in words[1]:
                raise ValueError(f"{text!r} is not a filter and a template with a measurement")
            node = self._root
            for part in words[0].split("."):
                node = node.children.setdefault(part, _Node())
            node.template = tuple(words[1].split("."))

    def apply(self, name: str) -> TemplatedName:
        """Return the measurement, the tags and the field of a name without blanks."""
        parts = name.split(".")
        texts: dict[str, list[str]] = {}
        for index, role in enumerate(self._find(parts)):
            if index < len(parts) and role:
                takes_rest = role in (_MEASUREMENT + _ANY, _FIELD + _ANY)
                key = role.removesuffix(_ANY) if takes_rest else role
                texts.setdefault(key, []).extend(parts[index:] if takes_rest else parts[index : index + 1])
        joined = {role: _JOINER.join(found) for role, found in texts.items()}
        return TemplatedName(joined.pop(_MEASUREMENT, ""), joined, joined.pop(_FIELD, ""))

    def _find(self, parts: Sequence[str]) -> tuple[str, ...]:
        """Return the template of the filter that fits the beginning of the name; Telegraf never goes back a branch."""
        node = self._root
        for part in parts:
            following = node.children.get(part) or node.children.get(_ANY)
            if following is None:
                break
            node = following
        return node.template or _WHOLE
