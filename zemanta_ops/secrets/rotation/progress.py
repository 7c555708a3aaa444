"""Progress of long work: one line that counts in place on a terminal, a line a tenth of the way elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

Item = TypeVar("Item")


def progress(items: Iterable[Item], total: int, what: str, stream: TextIO) -> Iterator[Item]:
    """Yield the items and write ``what 20/200`` to ``stream`` as each one has been dealt with."""
    terminal = stream.isatty()
    step = max(1, total // 10)
    for done, item in enumerate(items, 1):
        yield item
        if terminal:
            stream.write(f"\r{what} {done}/{total}" + ("\n" if done == total else ""))
            stream.flush()
        elif done % step == 0 or done == total:
            stream.write(f"{what} {done}/{total}\n")
            stream.flush()
