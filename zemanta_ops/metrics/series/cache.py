"""Remembers the series of a call, by its name and tags as the caller gave them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zemanta_ops.metrics.series.series import Series


class SeriesCache:
    """Series by name and tags; ``len()`` is the number of entries.

    ``one_tag[name][key][value]`` serves calls with one tag, the usual number, by three strings that keep their hashes.
    ``others`` serves all other calls by a tuple ``(name, *items)``, which every call has to build and hash. Both are
    public for the look-ups that are written out in ``emit_functions``.
    """

    def __init__(self) -> None:
        self.one_tag: dict[Any, dict[str, dict[Any, Series]]] = {}
        self.others: dict[Any, Series] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def get(self, name: Any, tags: Mapping[str, Any]) -> Series | None:
        """Return the series, None if it is unknown; raise TypeError if a value cannot be hashed."""
        if len(tags) != 1:
            return self.others.get((name, *tags.items()))
        [(key, value)] = tags.items()
        try:
            return self.one_tag[name][key][value]
        except KeyError:
            return None

    def add(self, name: Any, tags: Mapping[str, Any], series: Series) -> None:
        """Remember the series of a name and tags."""
        if len(tags) != 1:
            known: dict[Any, Series] = self.others
            key: Any = (name, *tags.items())
        else:
            [(tag, key)] = tags.items()
            known = self.one_tag.setdefault(name, {}).setdefault(tag, {})
        self._size += key not in known
        known[key] = series

    def clear(self) -> None:
        """Remove every series."""
        self._size = 0
        self.one_tag.clear()
        self.others.clear()
