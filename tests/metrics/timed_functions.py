"""Functions of every protocol, for the tests of timers, and what is done to generators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any


class StopError(Exception):
    """Thrown into generators."""


def plain(value: Any) -> Any:
    if value == "raise":
        raise StopError(value)
    return value


async def coroutine(value: Any) -> Any:
    await asyncio.sleep(0)
    return plain(value)


def generator(value: Any) -> Generator[Any, Any, Any]:
    log = [value]
    while True:
        try:
            received = yield list(log)
        except StopError as error:
            log.append(f"caught {error}")
        except GeneratorExit:
            log.append("closed")
            raise
        else:
            log.append(received)
            if received == "return":
                return "returned"
            if received == "raise":
                raise StopError("from inside")


async def async_generator(value: Any) -> AsyncGenerator[Any, Any]:
    log = [value]
    while True:
        try:
            received = yield list(log)
        except StopError as error:
            await asyncio.sleep(0)
            log.append(f"caught {error}")
        except asyncio.CancelledError:
            log.append("cancelled")
        else:
            log.append(received)
            if received == "return":
                return
            if received == "raise":
                raise StopError("from inside")


async def stubborn(value: Any) -> AsyncGenerator[Any, Any]:
    while True:
        try:
            yield value
        except GeneratorExit:
            yield "ignored"


async def releasing(value: Any) -> AsyncGenerator[Any, Any]:
    try:
        yield value
    finally:
        await asyncio.sleep(0)
        released.append(value)


released: list[Any] = []

# What is done to a generator, one step after the other: send None or a value, throw, or close.
STEPS: dict[str, list[Any]] = {
    "iterate": [None, None, None],
    "send": [None, "a", "b"],
    "return": [None, "return"],
    "raise inside": [None, "raise"],
    "throw, which is handled": [None, StopError("in"), "a"],
    "throw twice": [None, StopError("one"), StopError("two"), None],
    "throw before the start": [StopError("early")],
    "throw what nobody handles": [None, KeyError("k")],
    "throw a cancellation": [None, asyncio.CancelledError(), None],
    "close": [None, "close"],
    "close before the start": ["close"],
    "close twice": [None, "close", "close"],
    "go on after the end": [None, "return", None],
    "send before the start": ["early"],
}


def drive(made: Any, steps: list[Any]) -> list[str]:
    """Do the steps; return what each gave or raised."""
    seen = []
    for step in steps:
        try:
            if step == "close":
                seen.append(repr(made.close()))
            elif isinstance(step, BaseException):
                seen.append(repr(made.throw(step)))
            else:
                seen.append(repr(made.send(step)))
        except BaseException as error:
            seen.append(repr(error))
    return seen


async def drive_async(made: Any, steps: list[Any]) -> list[str]:
    seen = []
    for step in steps:
        try:
            if step == "close":
                seen.append(repr(await made.aclose()))
            elif isinstance(step, BaseException):
                seen.append(repr(await made.athrow(step)))
            else:
                seen.append(repr(await made.asend(step)))
        except BaseException as error:
            seen.append(repr(error))
    return seen
