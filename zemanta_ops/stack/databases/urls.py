"""The URL of a database: parsed without repeating it in an error, shown without the parts that may be secret."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

# The port of InfluxDB 1.x, if the URL has none.
DEFAULT_PORT = 8086


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL of http or https.

    Raises:
        ValueError: It is not such a URL. The message does not repeat it, because it may have a password in it.

    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # read here, because a port that is not a number raises
    except ValueError:
        raise ValueError("the InfluxDB URL is not a URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("the InfluxDB URL must start with http:// or https:// and name a host")
    return parts


def show_url(url: SplitResult, port: int | None = None) -> str:
    """Return the URL without user, password and query; with this port if it has none."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = url.port or port
    return f"{url.scheme}://{host}{f':{port}' if port else ''}{url.path.rstrip('/')}"
