"""``ZEMANTA_OPS_SECRETS``: deferred (nothing is decrypted) or fake (random values), for builds and test suites."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

from zemanta_ops.secrets.exceptions import ModeError

VARIABLE = "ZEMANTA_OPS_SECRETS"
DEFERRED = "deferred"
FAKE = "fake"

_RUNNERS = frozenset({"unittest.__main__", "twisted.trial.__main__", "testtools.run", "nose2.__main__"})
OVERRIDE_PREFIX = "ZEMANTA_OPS_OVERRIDE__"

_fake_key = os.urandom(32)
_guarded = False


def mode() -> str:
    """Return "", "deferred" or "fake".

    Raises:
        ModeError: The variable has another value.
    """
    word = os.environ.get(VARIABLE, "")
    if word not in ("", DEFERRED, FAKE):
        raise ModeError(f"{VARIABLE} must be {DEFERRED} or {FAKE}, or not set")
    return word


def override_variable(path: str) -> str:
    """Return the environment variable that overrides a setting; "" if no shell can set one of that name."""
    name = OVERRIDE_PREFIX + path.replace(".", "__")
    return name if path and name.replace("_", "").isalnum() and name.isascii() else ""


def under_test() -> bool:
    """Whether this process is a test run: pytest, ``manage.py test`` or ``python -m unittest``."""
    if "pytest" in sys.modules or sys.argv[1:2] == ["test"]:
        return True
    # The module that python -m runs, also under coverage. unittest itself is imported by many libraries.
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return sys.argv[0].endswith(" -m unittest") or getattr(spec, "name", "") in _RUNNERS


def refuse_fake(*, debug: bool | None = None) -> None:
    """Refuse random values unless this is a test run or DEBUG is on.

    Args:
        debug: DEBUG, or None if the caller runs before it is known.

    Raises:
        ModeError: This is neither. The message names the variable to unset.
    """
    if mode() == FAKE and not debug and not under_test():
        raise ModeError(f"{VARIABLE}={FAKE} is for test runs: unset it{'' if debug is None else ' if DEBUG is off'}")


def guard_servers() -> None:
    """Make the servers and workers of this process refuse to start without real secrets, from the first secret on.

    ``zemanta_ops`` need not be in ``INSTALLED_APPS``. A process without Django has no such server; one that has a mode
    may import Django later.
    """
    global _guarded
    if _guarded or not ("django.conf" in sys.modules or os.environ.get(VARIABLE)):
        return
    try:
        # Loaded by name: secrets never import Django.
        import_module("zemanta_ops.serving").guard()
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
    _guarded = True


def fake(token: str) -> str:
    """Return a random value in place of a token's plaintext; the same value for the same token in this process."""
    import base64
    import hmac

    made = hmac.digest(_fake_key, token.encode("utf-8", "surrogatepass"), "sha256")
    return "fake-" + base64.urlsafe_b64encode(made).decode().rstrip("=")


class Deferred:
    """A placeholder for a secret that was not decrypted; using it as a value raises an error that names the setting.

    It is not a ``str``: ``"".join`` and ``json.dumps`` would use the constant of a subclass. It is true, has a
    ``repr``, and can be copied, compared and hashed, so that settings can be loaded and checked. Each has a class of
    its own, whose name contains the path: what refuses a value of another type reports the name of its class.
    """

    __slots__ = ("_path",)

    # ``zemanta_ops.parsing`` recognizes it by this attribute.
    is_deferred = True

    def __new__(cls, path: str) -> Deferred:  # noqa: PYI034  (Self came with Python 3.11)
        """Create the class of this placeholder, and its only instance."""
        # Not every text can be the name of a class.
        name = f"deferred secret {path}".rstrip().encode("ascii", "backslashreplace").decode().replace("\0", "")
        return super().__new__(type(name, (Deferred,), {"__slots__": (), "__module__": __name__}))

    def __init__(self, path: str) -> None:
        """Remember the setting's path."""
        self._path = path

    def __repr__(self) -> str:
        return "<deferred secret>"

    def __bool__(self) -> bool:
        return True

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise ModeError(
            f"the secret {self._path or 'used here'} was not decrypted, because {VARIABLE}={DEFERRED}. If the build "
            f'needs a value of this form, give it a harmless one: Secret("…", sample="…"), or samples={{…}} of '
            f"load_env and load_config, or set {override_variable(self._path) or 'an override'}"
        )

    __str__ = __bytes__ = __format__ = __len__ = __iter__ = __getitem__ = __contains__ = __add__ = __radd__ = _refuse
    __mod__ = __rmod__ = __mul__ = __int__ = __float__ = __index__ = __fspath__ = _refuse

    def __getattr__(self, name: str) -> Any:
        # Django asks the values of settings for a private attribute of its own.
        if name.startswith("_"):
            raise AttributeError(name)
        self._refuse()

    def __reduce__(self) -> tuple[type[Deferred], tuple[str]]:
        return Deferred, (self._path,)
