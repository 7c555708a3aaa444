"""Convert the raw value of a setting, a Python value or the text of an environment variable, to its type.

Every function raises ValueError with a sentence that lists what is accepted. The sentence never repeats the value,
which may be a secret.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class DeferredError(ValueError):
    """The value is a secret that this process does not decrypt."""

    def __init__(self) -> None:
        super().__init__("is a secret that is not decrypted. Run: unset ZEMANTA_OPS_SECRETS")


MAX_LABEL = 100
# Each limit is a series of its own for every view and method.
MAX_BUCKETS = 30


def refuse_deferred(value: Any) -> None:
    """Refuse a secret that was not decrypted, alone or as a member of a dict or a list.

    Raises:
        DeferredError: ``ZEMANTA_OPS_SECRETS=deferred`` was set when the settings were loaded.

    """
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    # Any use of such a value raises, so only its class can be asked.
    if any(getattr(type(each), "is_deferred", False) for each in (value, *members)):
        raise DeferredError


def reveal(value: Any) -> Any:
    """Return the plaintext of a Secret, which is recognized by its ``get()``, and any other value unchanged."""
    get = getattr(value, "get", None)
    if not callable(get) or isinstance(value, Mapping):
        return value
    try:
        return get()
    except Exception as error:  # noqa: BLE001  a backend's package may raise anything
        raise ValueError(f"is a Secret that cannot be decrypted ({type(error).__name__})") from None


def accept_boolean(value: Any) -> bool:
    """Accept a bool, or one of the words 1, true, yes, on, 0, false, no, off."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in WORDS:
        return WORDS[value.strip().lower()]
    raise ValueError("must be True or False")


def accept_text(value: Any) -> str:
    """Accept a string, or a Secret that holds one."""
    value = reveal(value)
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def accept_label(value: Any) -> str:
    """Accept a short name for people, which is also a part of file names and a key in the database."""
    text = accept_text(value)
    if not text.strip() or not text.isprintable() or len(text) > MAX_LABEL:
        raise ValueError(f"must be 1 to {MAX_LABEL} printable characters")
    return text


def accept_host(value: Any) -> str:
    """Accept a host name, or an IP address without brackets; never a URL or a port."""
    text = accept_text(value)
    if not _is_host(text) or any(mark in text for mark in "/[]@ ") or not text.isprintable():
        raise ValueError("must be a host name or an address alone, without scheme, port, path or brackets")
    if ":" in text:
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise ValueError("must be a host name or an address alone, without scheme or port. Use PORT") from None
    return text


def _is_host(text: str) -> bool:
    """Return whether a name server can be asked for a name; it cannot for one with two dots in a row, for example."""
    try:
        return bool(text.encode("idna"))
    except UnicodeError:
        return False


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL of http or https that has no credentials and no query in it.

    Raises:
        ValueError: It is not such a URL. The message does not repeat it, because it may have a password in it.

    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port  # read here, because a port that is not a number raises
    except ValueError:
        raise ValueError("is not a URL") from None
    is_clean = url == url.strip() and " " not in url
    if parts.scheme not in ("http", "https") or not _is_host(host or "") or port == 0 or not is_clean:
        raise ValueError("must start with http:// or https:// and name a host")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must not have credentials or a query in it. Use the settings for user, password or token")
    return parts


def accept_url(value: Any) -> str:
    """Accept a URL of http or https without credentials and query, or empty text."""
    text = accept_text(value)
    if text:
        split_url(text)
    return text


def accept_urls(value: Any) -> tuple[str, ...]:
    """Accept a list of such URLs, or text with commas between them."""
    value = reveal(value)
    items = accept_strings(value)
    for item in items:
        split_url(item)
    return items


def accept_database(value: Any) -> str:
    """Accept the name of a database, or ``database/policy``, or empty text."""
    text = accept_text(value)
    name, slash, policy = text.partition("/")
    if (text and not name.strip()) or (slash and not policy.strip()):
        raise ValueError("must be the name of a database, or database/policy")
    return text


def accept_username(value: Any) -> str:
    """Accept a user name for HTTP basic authentication, which cannot carry a colon in it."""
    text = accept_text(value)
    if ":" in text:
        raise ValueError("must not have a colon in it: HTTP basic authentication cannot carry it")
    return text


def accept_token(value: Any) -> str:
    """Accept a token that an HTTP header can carry: printable ASCII without blanks around it."""
    text = accept_text(value)
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise ValueError(
            "must be printable ASCII without blanks around it. A token read from a file often ends in a newline"
        )
    return text


def accept_whole(low: int, high: int) -> Callable[[Any], int]:
    """Accept a whole number from ``low`` to ``high``, or its text."""

    def parse(value: Any) -> int:
        try:
            parsed = None if isinstance(value, (bool, float)) else int(value)
        except (TypeError, ValueError):
            parsed = None
        if parsed is None or not low <= parsed <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return parsed

    return parse


def accept_number(low: float, high: float) -> Callable[[Any], float]:
    """Accept a number from ``low`` to ``high``, or its text."""

    def parse(value: Any) -> float:
        try:
            parsed = None if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            parsed = None
        if parsed is None or not low <= parsed <= high:
            raise ValueError(f"must be a number from {low} to {high}")
        return parsed

    return parse


accept_port = accept_whole(1, 65535)


def accept_one_of(*choices: str) -> Callable[[Any], str]:
    """Accept one of the given words, in any case."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value.lower()

    return parse


def accept_strings(value: Any) -> tuple[str, ...]:
    """Accept a list of strings, or one string with commas between the items; none of them may be blank.

    A blank item is mostly what is left of a variable that is not set. Text that is blank as a whole has no items, and
    may end with a comma.
    """
    if isinstance(value, str):
        text = value.strip().removesuffix(",")
        value = [item.strip() for item in text.split(",")] if text else []
    items = tuple(_accept_list(value, "must be a list of strings"))
    if not all(isinstance(item, str) for item in items):
        raise ValueError("must be a list of strings")
    if not all(item.strip() for item in items):
        raise ValueError("has a blank item, or a comma too many")
    return items


def _accept_list(value: Any, refusal: str) -> Iterable[Any]:
    """Accept a list, a tuple or a set, never an iterator: a setting is read again and again, an iterator only once."""
    if not isinstance(value, Iterable) or isinstance(value, (Iterator, Mapping, str, bytes, bytearray)):
        raise ValueError(refusal)
    return value


def accept_tags(value: Any) -> Mapping[str, Any]:
    """Accept a dict, or text of the form ``env=prod,version=12``."""
    return _accept_mapping(value, "must be a dict of tags, or text like env=prod,version=12")


def accept_paths(value: Any) -> Mapping[str, str]:
    """Accept a dict of dotted paths by name, or text of the form ``name=package.module``."""
    refusal = "must be a dict of dotted paths, or text like name=package.module"
    found = _accept_mapping(value, refusal)
    if not all(isinstance(path, str) for path in found.values()):
        raise ValueError(refusal)
    return found


def accept_by_name(value: Any) -> Mapping[str, Any]:
    """Accept a dict by name. Each value in it is judged alone, so that one mistake does not silence the others."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a dict of dicts")
    return {str(name): given for name, given in value.items()}


def _accept_mapping(value: Any, refusal: str) -> Mapping[str, Any]:
    if isinstance(value, str):
        pairs = [item.partition("=") for item in accept_strings(value)]
        if not all(key and equals for key, equals, _ in pairs):
            raise ValueError(refusal)
        return {key.strip(): item.strip() for key, _, item in pairs}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(refusal)
    return value


def accept_host_tag(value: Any) -> str | None:
    """Accept a string, whose dots become dashes, or None; empty text means None."""
    if value is not None and not isinstance(value, str):
        raise ValueError("must be a string or None")
    return value.replace(".", "-") if value and value != "None" else None


def accept_buckets(value: Any) -> tuple[float, ...]:
    """Accept ascending limits in milliseconds: a list of numbers, or text with commas between them."""
    is_text = isinstance(value, str)
    items = accept_strings(value) if is_text else _accept_list(value, "must be a list of milliseconds")
    limits = tuple(accept_number(0, 86_400_000)(item) for item in items)
    if any(one >= next_ for one, next_ in zip((0.0, *limits), limits, strict=False)):
        raise ValueError("must be ascending numbers of milliseconds above 0")
    if len(limits) > MAX_BUCKETS:
        raise ValueError(f"must have at most {MAX_BUCKETS} limits")
    return limits


def accept_sample_rate(value: Any) -> float:
    """Accept 1/n as a number or as the text ``1/n`` or ``0.1``.

    Telegraf counts a sampled timing ``int(1 / rate)`` times. In binary fractions some of these are one short (n = 93,
    99, 105 …), so such a rate is refused: it would be miscounted.
    """
    if isinstance(value, str) and value.replace(" ", "").startswith("1/"):
        divisor = value.replace(" ", "")[2:]
        value = 1 / int(divisor) if divisor.isdecimal() and int(divisor) else 0
    rate = accept_number(0, 1)(value)
    if rate <= 0 or int(1 / rate) != round(1 / rate) or abs(1 / rate - round(1 / rate)) > 1e-6:
        raise ValueError("must be 1/n for a whole n that survives division (1, 0.5, 0.25, 0.1, 0.01)")
    return rate
