"""A plug-in that a test adds to a copy of the package."""

from __future__ import annotations

from typing import NamedTuple


class Addition(NamedTuple):
    """What is added, and a script that sets ``proof``.

    Attributes:
        file: The new file, below the package; empty if none is needed.
        source: Its text.
        registry: The file that gets one line; empty if none is needed.
        after: The text in it after which the line goes; empty for its end.
        line: The line.
        script: Uses the plug-in.
    """

    file: str
    source: str
    registry: str
    after: str
    line: str
    script: str
