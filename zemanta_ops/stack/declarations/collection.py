"""The list that every declaration adds itself to."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

DECLARED: list[Any] = []

# Between a declaration and this module only these are called.
_MACHINERY = (__name__, "zemanta_ops.stack.declarations.model")


def add_declaration(declaration: Any) -> str:
    """Add a declaration to the list and return where it is written: ``module:line``."""
    DECLARED.append(declaration)
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__") in _MACHINERY:
        frame = frame.f_back
    return "" if frame is None else f"{frame.f_globals.get('__name__', '?')}:{frame.f_lineno}"
