"""What a process without real secrets must not do: serve requests, check the characters of a secret."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.checks.registry import registry
from django.core.checks.security.base import check_secret_key, check_secret_key_fallbacks
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler
from django.core.management.base import BaseCommand, CommandError

from zemanta_ops.secrets import Secret, backends, containers, ledger, modes
from zemanta_ops.secrets.exceptions import ModeError, UndecryptedError

# Management commands that run tasks until they are stopped: of django-rq, django-tasks, django-q, huey,
# django-background-tasks, django-dramatiq and channels.
_WORKERS = frozenset(
    {
        *("rqworker", "rqworker-pool", "rqscheduler", "db_worker", "qcluster", "run_huey"),
        *("process_tasks", "rundramatiq", "runworker"),
    }
)
_KEYS = ("SECRET_KEY", "SECRET_KEY_FALLBACKS")
BARE_CURE = "Write Secret(...) around the token, or StrictSecret(...) if other code decrypts it"


def guard() -> None:
    """Make servers and workers refuse to start without real secrets. Safe to call twice."""
    guard_handlers()
    guard_workers()
    guard_commands()


def guard_handlers() -> None:
    """Make request handlers raise when they are constructed, if secrets are deferred or were not decrypted.

    WSGI and ASGI servers, ``runserver`` and Django's test client construct one when they start; builds and management
    commands do not. The error ends the server, with a reason, before it accepts its first request.
    """
    load = BaseHandler.load_middleware
    if not hasattr(load, "guards_secrets"):
        BaseHandler.load_middleware = _guard(load)  # type: ignore[method-assign]


def guard_workers() -> None:
    """End Celery's workers when they start, with a reason, if secrets are deferred."""
    # Django's settings are loaded before a worker sends this signal; without Celery, nothing can.
    signals = sys.modules.get("celery.signals")
    if signals is not None:
        signals.worker_init.connect(_end_deferred_worker, weak=False, dispatch_uid="zemanta_ops.secrets")


def guard_commands() -> None:
    """End management commands that are workers, and subclasses of them, with a reason if secrets are deferred."""
    execute = BaseCommand.execute
    if hasattr(execute, "guards_secrets"):
        return

    @functools.wraps(execute)
    def guarded(self: BaseCommand, *args: Any, **options: Any) -> Any:
        if not _WORKERS.isdisjoint(base.__module__.rpartition(".")[2] for base in type(self).__mro__):
            try:
                _refuse_deferred("run tasks")
                refuse_fake()
                _refuse_bare_tokens("run tasks")
            except (ModeError, UndecryptedError) as error:
                raise CommandError(str(error)) from None
        return execute(self, *args, **options)

    guarded.guards_secrets = True  # type: ignore[attr-defined]
    BaseCommand.execute = guarded  # type: ignore[method-assign]


def _end_deferred_worker(**_: Any) -> None:
    try:
        _refuse_deferred("run tasks")
        if settings.configured:
            _refuse_bare_tokens("run tasks")
    except (ModeError, UndecryptedError) as error:
        # Celery only logs what else a receiver raises.
        raise SystemExit(str(error)) from None


def _refuse_deferred(what: str) -> None:
    if modes.mode() == modes.DEFERRED:
        raise ModeError(
            f"this process must not {what}: its secrets are not decrypted, because "
            f"{modes.VARIABLE}={modes.DEFERRED}, which is for builds. Unset it"
        )
    if paths := ledger.samples():
        raise ModeError(
            f"this process must not {what}: {', '.join(filter(None, paths)) or 'a secret'} was read as its "
            f"sample, because {modes.VARIABLE} was {modes.DEFERRED} at that time. Start it without the variable"
        )


def refuse_fake() -> None:
    """Stop a process whose secrets are random values, unless DEBUG is on or a test is running.

    Raises:
        ModeError: The message says what to unset.

    """
    modes.refuse_fake(debug=settings.DEBUG)


def skip_secret_key_checks() -> None:
    """Remove Django's checks of ``SECRET_KEY`` if it is not decrypted: they count its characters, and would raise."""
    # Without a SECRET_KEY, reading it raises, which Django's check reports.
    undecrypted = any(path.partition(".")[0] in _KEYS for path in list_undecrypted())
    if modes.mode() == modes.DEFERRED or undecrypted:
        registry.deployment_checks -= {check_secret_key, check_secret_key_fallbacks}


def _guard(load: Callable[..., Any]) -> Callable[..., Any]:
    verified: list[Any] = []

    @functools.wraps(load)
    def load_middleware(*args: Any, **kwargs: Any) -> Any:
        _refuse_deferred("serve requests")
        refuse_fake()
        # Settings are searched once; tests that override them have others.
        current = vars(settings)["_wrapped"]
        if not any(current is each for each in verified):
            _refuse_undecrypted()
            _refuse_bare_tokens("serve requests")
            verified[:] = [current]
        return load(*args, **kwargs)

    load_middleware.guards_secrets = True  # type: ignore[attr-defined]
    return load_middleware


def _refuse_bare_tokens(what: str) -> None:
    if paths := list_bare_tokens():
        raise UndecryptedError(
            f"this process must not {what}: {', '.join(paths)} "
            f"{'is the text of a token' if len(paths) == 1 else 'are the texts of tokens'}. {BARE_CURE}"
        )


def _refuse_undecrypted() -> None:
    if paths := list_undecrypted():
        raise UndecryptedError(
            f"this process must not serve requests: {', '.join(paths)} "
            f"{'is a Secret that was' if len(paths) == 1 else 'are Secrets that were'} not decrypted. {describe_cure()}"
        )


def list_undecrypted() -> list[str]:
    """Return the path of every Secret in the settings; in ``ZEMANTA_OPS`` itself they need not be decrypted."""
    names = [name for name in _list_names() if name != "ZEMANTA_OPS"]
    return [place.path for name in names for place in containers.find(name, _read_setting(name), Secret)]


def list_bare_tokens() -> list[str]:
    """Return the path of every text in the settings that is a token: Django would use the token as the value.

    A token of which the program made a ``Secret`` is a helper variable.
    """
    texts = (found for name in _list_names() for found in containers.find_texts(name, _read_setting(name)))
    return [path for path, text in texts if backends.is_token(text) and not ledger.is_wrapped(text.strip())]


def _list_names() -> list[str]:
    return sorted({name for name in dir(settings) if name.isupper()})


def describe_cure() -> str:
    """Return where the call of ``decrypt_settings`` belongs."""
    if (configuration := getattr(settings, "CONFIGURATION", "")) or os.environ.get("DJANGO_CONFIGURATION"):
        name = configuration or os.environ["DJANGO_CONFIGURATION"]
        return f"Call decrypt_settings(cls) at the end of the class method setup() of {name}."
    module = getattr(settings, "SETTINGS_MODULE", "") or os.environ.get("DJANGO_SETTINGS_MODULE", "the settings file")
    return (
        f"Add decrypt_settings(globals()) as the last line of {module}, and of each file it imports that has a Secret. "
        "What a function or property returns is not reached: call .get() there."
    )


def _read_setting(name: str) -> Any:
    # Django warns about some settings when they are read, even if they have its own default.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # An empty SECRET_KEY raises when it is read.
        with contextlib.suppress(ImproperlyConfigured):
            return getattr(settings, name)
    return None
