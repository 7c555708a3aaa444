"""The few HTTP calls that the tests make to their servers, without the product's own clients."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any


class HttpError(Exception):
    """The server answered with an error; ``status`` and its body."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


def call(
    url: str,
    parameters: Mapping[str, str] | None = None,
    *,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
    seconds: float = 10.0,
) -> str:
    """Return the body of the answer; HttpError for an error of the server."""
    if parameters:
        url = f"{url}?{urllib.parse.urlencode(parameters)}"
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            text: str = answer.read().decode()
            return text
    except urllib.error.HTTPError as error:
        with error:
            raise HttpError(error.code, error.read().decode(errors="replace")) from None


def call_json(url: str, body: Any = None, **options: Any) -> Any:
    """Send ``body`` as JSON, return the answer's JSON; None for an empty answer."""
    headers = {"Content-Type": "application/json", **options.pop("headers", {})}
    data = None if body is None else json.dumps(body).encode()
    text = call(url, data=data, headers=headers, **options)
    return json.loads(text) if text else None


def answers(url: str) -> bool:
    """Whether a GET succeeds now."""
    try:
        call(url, seconds=2.0)
    except (OSError, HttpError):
        return False
    return True
