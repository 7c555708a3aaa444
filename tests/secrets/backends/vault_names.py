"""A token, the types of the fixtures, and numbers for names in the tests of the vault backend."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

TOKEN = "vault:v=1&key=shop:vault:v1:9IuLlCI6GJZSA+bgsN61AOF5iK16CznfXfGnUWefFQMX"
Answer = Callable[..., dict[str, Any]]


numbers = itertools.count(1)
Posted = list[tuple[str, dict[str, Any]]]
