"""``Secret`` and ``StrictSecret``: a token in settings, and its plaintext only when asked."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from string import Formatter
from typing import Any, NoReturn
from urllib.parse import quote as url_quote
from weakref import WeakKeyDictionary

from zemanta_ops.secrets import backends, binding, ledger, modes
from zemanta_ops.secrets.decrypt_tokens import decoded, decrypt_tokens, parsed
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
        self._tokens = tuple(parsed(text) if text != "" else None for text in texts)

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

    def check(self, here: binding.Expected) -> None:
        """Refuse what is bound to something else.

        Raises:
            ContextError: A token belongs to another application or name, or must be bound and is not.
        """
        for index, token in enumerate(self._tokens):
            if token is not None:
                binding.check(token, ledger.digest(self._texts[index]), here)

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
        text: str = _as_text(self._value(name, app))
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
            self.check(binding.expected(app=app, name=name or self._place))
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
        outcome = self._taken(results, path)
        # An error is raised where no variable holds a plaintext: tracebacks may be shown with their variables.
        del results
        if isinstance(outcome, SecretError):
            raise outcome
        self._plaintext = outcome
        return outcome

    def _taken(self, results: Sequence[bytes | SecretError], path: str) -> bytes | SecretError:
        plaintexts = [result for result in results if isinstance(result, bytes)]
        for plaintext in plaintexts:
            ledger.reveal(plaintext)
        failed = [result for result in results if isinstance(result, SecretError)]
        composed = failed[0] if failed else self._composed(plaintexts)
        if isinstance(composed, bytes):
            ledger.reveal(composed)
            for text, token, part in zip(self._texts, self._tokens, plaintexts, strict=True):
                if token is not None:
                    ledger.record(_entry(text, token, part, path))
        return composed

    def _composed(self, plaintexts: Sequence[bytes]) -> bytes | SecretError:
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

    def _composed(self, plaintexts: Sequence[bytes]) -> bytes | SecretError:
        texts = [decoded(plaintext) for plaintext in plaintexts]
        if error := next((text for text in texts if isinstance(text, SecretError)), None):
            return error
        return self._pattern.format(
            *(url_quote(str(text), safe="") if self._quote else text for text in texts)
        ).encode()


class StrictSecret(_Redacted):
    """A secret that is decrypted at every ``decrypt()`` and kept nowhere: not here, and not for redaction."""

    __slots__ = ()

    def __init__(self, token: str) -> None:
        """Check the form of the token, as ``Secret`` does."""
        super().__init__(token)

    def decrypt(self, *, name: str = "", app: str = "") -> str:
        """Return the plaintext; arguments and errors as ``Secret.get``."""
        text: str = _as_text(self._value(name, app))
        return text

    def decrypt_bytes(self, *, name: str = "", app: str = "") -> bytes:
        """Return the plaintext as bytes."""
        value: bytes = self._value(name, app)
        return value

    def _value(self, name: str, app: str) -> Any:
        self.check(binding.expected(app=app, name=name))
        [token] = self._tokens
        if modes.mode() == modes.DEFERRED and token is not None:
            return modes.Deferred(name)
        [result] = decrypt_tokens([token])
        if isinstance(result, SecretError):
            raise result
        if token is not None:
            ledger.record(_entry(self._texts[0], token, result, name))
        return result


def _as_text(value: Any) -> Any:
    text = value if isinstance(value, modes.Deferred) else decoded(value)
    del value
    if isinstance(text, DecryptError):
        raise text
    return text


def _fields(pattern: str) -> list[str]:
    """Return what stands in each pair of braces: name, conversion and format; a bad pattern has one odd field."""
    try:
        parts = [part[1:] for part in Formatter().parse(pattern) if part[1] is not None]
    except ValueError:
        return ["odd"]
    return ["".join(filter(None, part)) for part in parts]


def _entry(text: str, token: Token, plaintext: bytes, path: str) -> ledger.Entry:
    backend = backends.load(token.backend)
    return ledger.Entry(
        path=path,
        backend=token.backend,
        key_id=backend.key_id(token),
        context=token.context,
        legacy=backend.legacy(token),
        short=len(ledger.as_text(plaintext)) < ledger.MIN_REDACTED_LENGTH,
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
