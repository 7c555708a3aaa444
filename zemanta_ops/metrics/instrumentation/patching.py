"""Replaces a method of a class, so that instrumentations can be installed twice and removed without harm."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction

__all__ = ["Patch"]

Method = Callable[..., Any]


class Patch:
    """Replaces one method of a class.

    Args:
        owner: the class.
        name: the method's name.
        around: called instead of the method as ``around(original, self, *args, **kwargs)``; async if the method is.
    """

    def __init__(self, owner: type, name: str, around: Method) -> None:
        self._owner = owner
        self._name = name
        self._around = around
        self.active = False
        self._replacement: Method | None = None

    def apply(self) -> None:
        """Replace the method, unless it is replaced already."""
        self.active = True
        if self._replacement is not None:
            return
        self._inherited = self._name not in vars(self._owner)
        self._original: Method = getattr(self._owner, self._name)
        self._replacement = self._wrap(self._original)
        setattr(self._owner, self._name, self._replacement)

    def remove(self) -> None:
        """Put the original back; if other code has wrapped the replacement, make it call the original only."""
        self.active = False
        if self._replacement is not None and vars(self._owner).get(self._name) is self._replacement:
            if self._inherited:
                delattr(self._owner, self._name)
            else:
                setattr(self._owner, self._name, self._original)
            self._replacement = None

    def _wrap(self, original: Method) -> Method:
        if iscoroutinefunction(original):

            @functools.wraps(original)
            async def async_replacement(*args: Any, **kwargs: Any) -> Any:
                return await (self._around(original, *args, **kwargs) if self.active else original(*args, **kwargs))

            return async_replacement

        @functools.wraps(original)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            return self._around(original, *args, **kwargs) if self.active else original(*args, **kwargs)

        return replacement
