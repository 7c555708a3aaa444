"""The URL of a database: parsed without repeating it in an error, shown without the parts that may be secret."""

from __future__ import annotations

from urllib.parse import SplitResult

from zemanta_ops import parsing

# The port of InfluxDB 1.x, if the URL has none.
DEFAULT_PORT = 8086


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL of http or https.

    Raises:
        ValueError: It is not such a URL, or has credentials in it. The message does not repeat it.

    """
    try:
        return parsing.split_url(url)
    except ValueError as error:
        raise ValueError(f"the URL of the database {error}") from None


def show_url(url: SplitResult, port: int | None = None) -> str:
    """Return the URL without user, password and query; with this port if it has none."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = url.port or port
    return f"{url.scheme}://{host}{f':{port}' if port else ''}{url.path.rstrip('/')}"
