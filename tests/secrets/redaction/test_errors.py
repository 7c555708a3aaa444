"""A redacted exception has the name, module, chain, traceback and notes of the one that it replaces."""

from __future__ import annotations

import sys
import traceback

import pytest

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.redaction.errors import ExcInfo, redact_exc_info

SECRET = "example-secret-of-an-error"


@pytest.fixture(autouse=True)
def _revealed() -> None:
    ledger.reveal(SECRET)


class OddError(Exception):
    """An error of a program."""

    def __str__(self) -> str:
        raise ValueError


def caught(error: BaseException, cause: BaseException | None = None) -> ExcInfo:
    """Return what is logged of an error that is raised while another one is handled."""
    try:
        try:
            raise KeyError(SECRET)
        except KeyError:
            if cause is not None:
                error.__cause__ = cause
            raise error  # noqa: B904  (without "from", the context is shown)
    except BaseException as raised:
        return type(raised), raised, raised.__traceback__


def test_an_error_without_a_secret_is_left_as_it_is() -> None:
    try:
        raise ValueError("plain")
    except ValueError:
        before = sys.exc_info()
    assert redact_exc_info(before) is before  # type: ignore[arg-type]


@pytest.mark.parametrize("cause", [None, LookupError(f"cause {SECRET}")])
def test_the_chain_and_the_tracebacks_stay(cause: BaseException | None) -> None:
    before = caught(ValueError(f"outer {SECRET}"), cause)
    kind, error, trace = redact_exc_info(before)
    assert (kind.__name__, kind.__module__, str(error), trace) == (
        "ValueError",
        "builtins",
        "outer <redacted>",
        before[2],
    )
    assert error.__traceback__ is trace is before[1].__traceback__
    context = error.__context__
    assert context is not None
    assert (type(context).__name__, str(context)) == ("KeyError", "'<redacted>'")
    assert context.__traceback__ is before[1].__context__.__traceback__  # type: ignore[union-attr]
    assert str(error.__cause__) == ("None" if cause is None else "cause <redacted>")
    assert error.__suppress_context__ is (cause is not None)
    assert SECRET not in "".join(traceback.format_exception(kind, error, trace))


def test_an_error_that_is_its_own_context_ends() -> None:
    first, second = ValueError(SECRET), KeyError(SECRET)
    first.__context__, second.__context__ = second, first
    _, error, _ = redact_exc_info((ValueError, first, None))
    assert error.__context__ is not None
    assert error.__context__.__context__ is error


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this version has no notes")
def test_notes_are_redacted_and_an_error_without_has_none() -> None:
    error = ValueError(SECRET)
    error.__notes__ = [f"note {SECRET}", 7]  # type: ignore[list-item]
    _, clean, _ = redact_exc_info((ValueError, error, None))
    assert clean.__notes__ == ["note <redacted>", "7"]
    _, bare, _ = redact_exc_info((ValueError, ValueError(SECRET), None))
    assert not hasattr(bare, "__notes__")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this version has no groups")
def test_a_group_stays_one_of_its_kind() -> None:
    group = ExceptionGroup(f"all {SECRET}", [ValueError(SECRET), ExceptionGroup("inner", [KeyError("plain")])])  # noqa: F821
    kind, clean, _ = redact_exc_info((type(group), group, None))
    assert issubclass(kind, ExceptionGroup)  # noqa: F821
    assert clean.message == "all <redacted>"  # type: ignore[attr-defined]
    first, inner = clean.exceptions  # type: ignore[attr-defined]
    assert (type(first).__name__, str(first)) == ("ValueError", "<redacted>")
    assert (inner.message, [str(each) for each in inner.exceptions]) == ("inner", ["'plain'"])


def test_an_argument_that_the_text_leaves_out_is_a_reason_to_replace() -> None:
    class Quiet(Exception):  # noqa: N818
        def __str__(self) -> str:
            return "quiet"

    outer = ValueError("plain")
    outer.__cause__ = Quiet(SECRET)
    kind, error, _ = redact_exc_info((ValueError, outer, None))
    assert error is not outer
    assert kind.__qualname__ == "ValueError"
    assert repr(error.__cause__) == "Quiet('quiet')"


def test_an_error_without_a_readable_text_is_replaced_all_the_same() -> None:
    _, error, _ = redact_exc_info((OddError, OddError(SECRET), None))
    assert str(error) == "<this exception has no readable text>"
    assert (type(error).__name__, type(error).__module__) == ("OddError", __name__)
