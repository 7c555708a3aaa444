"""Where an InfluxDB is: its URL, read without an error that repeats it and shown without what may be secret in it."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

# Of InfluxDB 1.x, where the URL has none.
DEFAULT_PORT = 8086


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL of http or https.

    Raises:
        ValueError: it is not such a URL; the message does not repeat it, for a password may stand in it.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # read here, because a port that is no number is an error
    except ValueError:
        raise ValueError("the InfluxDB URL is not a URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("the InfluxDB URL must start with http:// or https:// and name a host")
    return parts


def show_url(url: SplitResult, port: int | None = None) -> str:
    """Return the URL without user, password and query; with this port where it has none."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = url.port or port
    return f"{url.scheme}://{host}{f':{port}' if port else ''}{url.path.rstrip('/')}"


def check_kind(database: str, bucket: str) -> None:
    """Refuse what is neither 1.x nor 2.x, or both.

    Raises:
        ValueError: neither or both of database and bucket are given.
    """
    if bool(database) == bool(bucket):
        raise ValueError("InfluxDB needs either DATABASE (1.x) or BUCKET with ORG and TOKEN (2.x)")
