"""Blocks of work that take turns within one process, compared pair by pair.

The speed of a machine drifts by more than what is measured here, so a block is compared only with that of bare Django
in the same turn. The time is that of the process, all its threads together: what else runs here counts little.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

Block = Callable[[], object]
AsyncBlock = Callable[[], Awaitable[object]]
Turn = dict[str, float]


def order(names: Sequence[str], turn: int) -> list[str]:
    """Return the names for one turn: each is first as often as it is last, and has every other before it once."""
    shift = turn // 2 % len(names)
    turned = [*names[shift:], *names[:shift]]
    return turned if turn % 2 else turned[::-1]


def take_turns(blocks: Mapping[str, Block], turns: int, between: Block, label: str) -> list[Turn]:
    """Run every block once a turn; return the process's seconds of each."""
    taken = []
    for turn in counted(turns, label):
        now: Turn = {}
        for name in order(list(blocks), turn):
            start = time.process_time()
            blocks[name]()
            now[name] = time.process_time() - start
            between()
        taken.append(now)
    return taken[1:]


async def take_turns_async(blocks: Mapping[str, AsyncBlock], turns: int, between: Block, label: str) -> list[Turn]:
    """Do the same on the running event loop."""
    taken = []
    for turn in counted(turns, label):
        now: Turn = {}
        for name in order(list(blocks), turn):
            start = time.process_time()
            await blocks[name]()
            now[name] = time.process_time() - start
            between()
        taken.append(now)
    return taken[1:]


def counted(turns: int, label: str) -> Iterator[int]:
    """Yield the numbers of the turns, one more than asked for to warm up, and show them on standard error."""
    for turn in range(turns + 1):
        progress(f"{label}: turn {turn} of {turns}")
        yield turn
    progress("")


def progress(text: str) -> None:
    """Show what goes on, where a person looks."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def ratios(turns: Sequence[Turn], to: str) -> dict[str, list[float]]:
    """Return the ratios of each to one of them, turn by turn."""
    return {name: [turn[name] / turn[to] for turn in turns] for name in turns[0]}


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Return the median and the quartiles."""
    low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return {"median": median, "low": low, "high": high}
