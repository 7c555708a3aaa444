"""From window to window: which ones to judge, what becomes of each series, and whether that must be stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from zemanta_ops.stack.alerting.judges import Judge, Observation
from zemanta_ops.stack.alerting.machine import Level, Memory
from zemanta_ops.stack.alerting.notification import build_dedup_key, clean
from zemanta_ops.stack.alerting.series import SeriesState

# How often the last sight of a series is written if nothing else changes.
_SEEN_SECONDS = 3_600
# After a pause of this command at most this many windows are judged again.
_MAX_WINDOWS = 60


def list_ends(judged: int, newest: int, judge: Judge, now: float) -> list[int]:
    """Return the ends of the windows to judge, oldest first.

    After a pause, the windows that ``for_`` looks at are judged too: a problem that has lasted is reported at once.

    Args:
        judged: The end of the window that was judged last; 0 if none was.
        newest: The end of the newest complete window.
        judge: The alert.
        now: The time.

    """
    if judged > now or not judged:
        # The clock was set back: no window can end in the future. Or it is the first time.
        return [newest]
    count = min(judge.rule.for_seconds // judge.every + 1, _MAX_WINDOWS)
    first = max(judged + judge.every, newest - (count - 1) * judge.every)
    return list(range(first, newest + 1, judge.every))


def advance_series(
    judge: Judge, series: Mapping[str, SeriesState], observations: Iterable[Observation], end: int
) -> dict[str, SeriesState]:
    """Return the series after a window: those that have points, and those that are known."""
    seen = {
        build_dedup_key(judge.name, tags): (tags, each) for each in observations for tags in [_clean_tags(each.tags)]
    }
    missing = Observation({}, None, judge.rule.judge(None))
    if not judge.is_tagged:
        seen.setdefault(build_dedup_key(judge.name, {}), ({}, missing))
    advanced: dict[str, SeriesState] = {}
    for identity in sorted({*series, *seen}):
        tags, observed = seen.get(identity, ({}, missing))
        state = series.get(identity) or SeriesState(identity, tags)
        advanced[identity] = dataclasses.replace(
            state,
            memory=state.memory.advance(judge.rule, end, observed.level),
            value=observed.value,
            seen_end=end if identity in seen else state.seen_end,
        )
    return advanced


def is_worth_storing(state: SeriesState, stored: SeriesState | None, judge: Judge) -> bool:
    """Return whether the row of a series must be written: most series are never in trouble and need none."""
    if stored is None:
        return state.memory != Memory() or judge.rule.no_data == "alert"
    if (state.memory, state.told) != (stored.memory, stored.told) or state.seen_end - stored.seen_end >= _SEEN_SECONDS:
        return True
    return state.memory.level > Level.OK and state.value != stored.value


def _clean_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {tag: clean(value) for tag, value in tags.items()}
