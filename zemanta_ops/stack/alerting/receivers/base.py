"""The surface of a receiver, and the two ways in which it can fail."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from zemanta_ops.stack.alerting.notification import Deploy, Notification


class ReceiverError(Exception):
    """A receiver did not accept an event. No credential is in the text."""


class UnavailableError(ReceiverError):
    """Trying again may succeed: the receiver is down, overloaded, or does not accept these credentials.

    ``retry_after`` is the number of seconds that the receiver asked to wait.
    """

    def __init__(self, text: str, *, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class RefusedError(ReceiverError):
    """The receiver never accepts this event. It is not sent again."""


REQUIRED: Any = object()


@dataclass(frozen=True)
class ReceiverOption:
    """One key of a receiver's dict in the settings.

    Attributes:
        name: The key, in capitals.
        accept: Converts the value, which may be a Secret; ValueError says what is accepted and never repeats the value.
        default: Used if the key is absent; by default the key is required.
        is_credential: Whether the value must be a Secret.

    """

    name: str
    accept: Callable[[Any], Any]
    default: Any = REQUIRED
    is_credential: bool = False


class Receiver(ABC):
    """Sends notifications to one place. A subclass lists its options and has ``send``.

    Attributes:
        options: The keys of its dict in the settings, besides BACKEND, LEVEL and TIMEOUT.
        name: Its name in the settings.
        values: The converted values of all options, by name. They have credentials: never show them.

    """

    options: ClassVar[tuple[ReceiverOption, ...]] = ()

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self.name = name
        self.values = values

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    @property
    def timeout(self) -> float:
        """Seconds that one event may take."""
        return float(self.values["TIMEOUT"])

    @abstractmethod
    def send(self, notification: Notification) -> None:
        """Send a notification within ``timeout`` seconds; returning means that it was accepted.

        Raises:
            UnavailableError: It is sent again later. Any other exception except RefusedError has the same effect.
            RefusedError: It is never sent again.

        """


class DeployReceiver(Receiver):
    """A receiver that also shows deploys, beside incidents."""

    @abstractmethod
    def send_deploy(self, deploy: Deploy) -> None:
        """Send a deploy. Errors as for ``send``."""


def describe_failure(error: Exception) -> str:
    """Return the text of a receiver's own errors; of others the class alone, because they may repeat a credential."""
    return str(error) if isinstance(error, ReceiverError) else f"it raised {type(error).__name__}"
