"""Where tests kill the process or change the clock: a hook around every commit and every send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

StepHook = Callable[[str], None]


def _no_hook(step: str) -> None:
    """Do nothing."""


# Called as hook("before commit"), hook("after commit"), and so on for claim, send and mark; and within a commit for
# write, between the state and its events.
step_hook: StepHook = _no_hook


@contextmanager
def mark_step(name: str) -> Iterator[None]:
    """Call the hook before and after the block, unless the block raises."""
    step_hook(f"before {name}")
    yield
    step_hook(f"after {name}")
