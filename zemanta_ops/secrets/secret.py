"""``Secret`` and ``StrictSecret``: a token in settings, and its plaintext only when asked."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from string import Formatter
from typing import Any, NoReturn
from urllib.parse import quote as url_quote
from weakref import WeakKeyDictionary

from zemanta_ops.secrets import backends, binding, ledger, modes, wire
from zemanta_ops.secrets.exceptions import DecryptError, SecretError, TokenError
from zemanta_ops.secrets.wire import Token

REDACTED = "<redacted>"

_guard = threading.Lock()
_flights: WeakKeyDictionary[_Redacted, threading.Lock] = WeakKeyDictionary()


class _Redacted:
    """Holds tokens and never shows them, nor what they hide."""

    __slots__ = ("__weakref__", "_texts", "_tokens")

    def __init__(self, *texts: str) -> None:
        self._texts = texts
        # The empty secret has no token to decrypt.
        self._tokens = tuple(wire.parse(text) if text != "" else None for text in texts)
        for token in self._tokens:
            if token is not None:
                backends.check(token.backend)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({REDACTED})"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> NoReturn:
        raise TokenError(
            f"a {type(self).__name__} cannot be formatted, it would print as {REDACTED}: "
            "use .get(), or Secret.template(...) for a URL"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._texts

    def _check(self, name: str, app: str) -> None:
        here = binding.expected(app=app, name=name)
        for text, token in zip(self._texts, self._tokens, strict=True):
            if token is not None:
                binding.check(token, ledger.digest(text), here)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of the tokens."""
        return self._texts

    @property
    def tokens(self) -> tuple[Token | None, ...]:
        """The parsed tokens, None for an empty one."""
        return self._tokens


class Secret(_Redacted):
    """A secret that is decrypted once, at the first ``get()``.

    Threads that ask at the same time wait for one decryption. Copies and pickles carry the token only.
    """

    __slots__ = ("_place", "_plaintext")

    def __init__(self, token: str) -> None:
        """Check the form of the token; ``""`` is the empty secret.

        Raises:
            TokenError: It is not a token, or its backend is unknown.
        """
        super().__init__(token)
        self._plaintext: bytes | None = None
        self._place = ""

    def __reduce__(self) -> tuple[Any, ...]:
        # Slots are restored from the second half of a pair.
        return (*super().__reduce__(), (None, {"_place": self._place})) if self._place else super().__reduce__()

    @staticmethod
    def template(pattern: str, *tokens: str, quote: bool = False) -> Secret:
        """Return a Secret whose value is ``pattern`` with each ``{}`` replaced by the plaintext of a token.

        Args:
            pattern: As for ``str.format``, positional fields only: ``"redis://:{}@cache/0"``.
            tokens: One token a field.
            quote: Percent-encode the plaintexts, for URLs.
        """
        return _Template(pattern, quote, *tokens)

    def get(self, *, name: str = "", app: str = "") -> str:
        """Return the plaintext.

        Args:
            name: The name that the token must be bound to; needed where it carries one, but for ``load_config``,
                which knows it.
            app: The application that it must be bound to; by default that of ``zemanta_ops.toml``.

        Raises:
            SecretError: It cannot be decrypted, is not UTF-8, or is bound to something else.
        """
        text: str = _text(self._value(name, app))
        return text

    def get_bytes(self, *, name: str = "", app: str = "") -> bytes:
        """Return the plaintext as bytes, otherwise as ``get``."""
        value: bytes = self._value(name, app)
        return value

    def settle(self, place: str, value: str | None) -> None:
        """Take a place whose binding was checked, and the value for it, where there is one already."""
        self._place = place
        if value is not None:
            self._plaintext = value.encode()

    def _value(self, name: str, app: str) -> Any:
        if name or app or not self._place or self._plaintext is None:
            self._check(name or self._place, app)
        if modes.mode() == modes.DEFERRED and any(self._tokens):
            return modes.Deferred(name or self._place)
        with _flight(self):
            if self._plaintext is None:
                self.decrypted(decrypt_tokens(self._tokens), path=name or self._place)
            return self._plaintext

    def decrypted(self, results: Sequence[bytes | SecretError], *, path: str = "") -> bytes:
        """Take the plaintexts of the tokens, remember them for redaction, and return the value.

        Raises:
            SecretError: The first error among the results.
        """
        plaintexts = []
        for result in results:
            if isinstance(result, SecretError):
                raise result
            plaintexts.append(result)
        plaintext = self._compose(plaintexts)
        for text, token, part in zip(self._texts, self._tokens, plaintexts, strict=True):
            if token is not None:
                _remember(text, token, part, path)
        if len(plaintexts) > 1 or plaintext != plaintexts[0]:
            ledger.reveal(plaintext.decode("utf-8", "replace"))
        self._plaintext = plaintext
        return plaintext

    def _compose(self, plaintexts: Sequence[bytes]) -> bytes:
        return plaintexts[0]


class _Template(Secret):
    """A pattern around the plaintexts of tokens; made by ``Secret.template``."""

    __slots__ = ("_pattern", "_quote")

    def __init__(self, pattern: str, quote: bool, *tokens: str) -> None:
        _Redacted.__init__(self, *tokens)
        self._plaintext = None
        self._place = ""
        self._pattern = pattern
        self._quote = quote
        fields = _fields(pattern)
        if not fields or any(fields) or len(fields) != len(tokens):
            raise TokenError("Secret.template needs one {} a token, and no other braces but {{ and }}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._pattern, self._quote, *self._texts)

    def _compose(self, plaintexts: Sequence[bytes]) -> bytes:
        texts = [text_of(plaintext) for plaintext in plaintexts]
        return self._pattern.format(*(url_quote(text, safe="") if self._quote else text for text in texts)).encode()


class StrictSecret(_Redacted):
    """A secret that is decrypted at every ``decrypt()`` and kept nowhere: not here, and not for redaction."""

    __slots__ = ()

    def __init__(self, token: str) -> None:
        """Check the form of the token, as ``Secret`` does."""
        super().__init__(token)

    def decrypt(self, *, name: str = "", app: str = "") -> str:
        """Return the plaintext; arguments and errors as ``Secret.get``."""
        text: str = _text(self._value(name, app))
        return text

    def decrypt_bytes(self, *, name: str = "", app: str = "") -> bytes:
        """Return the plaintext as bytes."""
        value: bytes = self._value(name, app)
        return value

    def _value(self, name: str, app: str) -> Any:
        self._check(name, app)
        [text], [token] = self._texts, self._tokens
        if modes.mode() == modes.DEFERRED and token is not None:
            return modes.Deferred(name)
        [result] = decrypt_tokens([token])
        if isinstance(result, SecretError):
            raise result
        if token is not None:
            ledger.record(_entry(text, token, result, name))
        return result


def decrypt_tokens(tokens: Sequence[Token | None]) -> list[bytes | SecretError]:
    """Decrypt tokens of any backends, each distinct one once, the backends one after the other.

    Returns:
        In order, the plaintext or the error of each; ``b""`` for None.
    """
    distinct: dict[str, dict[str, Token]] = {}
    for token in tokens:
        if token is not None:
            distinct.setdefault(token.backend, {})[wire.format(token)] = token
    results: dict[str, bytes | SecretError] = {}
    for backend, group in distinct.items():
        results.update(zip(group, _decrypt_group(backend, list(group.values())), strict=True))
    return [b"" if token is None else results[wire.format(token)] for token in tokens]


def _decrypt_group(backend: str, tokens: list[Token]) -> Sequence[bytes | SecretError]:
    if modes.mode() == modes.FAKE:
        return [modes.fake(wire.format(token)).encode() for token in tokens]
    try:
        return backends.load(backend).decrypt_many(tokens)
    except SecretError as error:
        return [error] * len(tokens)


def text_of(plaintext: bytes) -> str:
    """Decode UTF-8.

    Raises:
        DecryptError: It is not; without the bytes.
    """
    try:
        return plaintext.decode()
    except UnicodeDecodeError:
        raise DecryptError("the plaintext is not UTF-8 text: use get_bytes()") from None


def _text(value: Any) -> Any:
    return value if isinstance(value, modes.Deferred) else text_of(value)


def _fields(pattern: str) -> list[str]:
    """Return what stands in each pair of braces: name, conversion and format; a bad pattern has one odd field."""
    try:
        parts = [part[1:] for part in Formatter().parse(pattern) if part[1] is not None]
    except ValueError:
        return ["odd"]
    return ["".join(filter(None, part)) for part in parts]


def _remember(text: str, token: Token, plaintext: bytes, path: str) -> None:
    ledger.reveal(plaintext.decode("utf-8", "replace"))
    ledger.record(_entry(text, token, plaintext, path))


def _entry(text: str, token: Token, plaintext: bytes, path: str) -> ledger.Entry:
    backend = backends.load(token.backend)
    return ledger.Entry(
        path=path,
        backend=token.backend,
        key_id=backend.key_id(token),
        context=token.context,
        legacy=backend.legacy(token),
        short=len(plaintext) < ledger.MIN_REDACTED_LENGTH,
        digest=ledger.digest(text),
    )


def _flight(secret: _Redacted) -> threading.Lock:
    with _guard:
        return _flights.setdefault(secret, threading.Lock())


def _land_all() -> None:
    global _guard
    _guard = threading.Lock()
    _flights.clear()


# A child must not wait for a lock that a thread of its parent held.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_land_all)
