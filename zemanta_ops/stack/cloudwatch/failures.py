"""Errors of AWS in one line each: what failed, and what to do."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from zemanta_ops.extras import MissingExtraError
from zemanta_ops.stack.cloudwatch.queries import Scope

try:
    from botocore import exceptions
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
except ImportError:
    raise MissingExtraError("CloudWatch", "cloudwatch") from None

# What a call to AWS may raise; an OSError if a file of the credentials cannot be read.
AwsError = (BotoCoreError, ClientError, OSError)

# What HTTPClientError itself wraps has headers in its text.
_NETWORK = (exceptions.ConnectionError, HTTPClientError)
_NO_CREDENTIALS = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)
# The texts of these name files, profiles and parameters. Those of others can have what a helper program printed.
_CLEAR = (
    exceptions.ConfigNotFound,
    exceptions.ConfigParseError,
    exceptions.InfiniteLoopConfigError,
    exceptions.InvalidConfigError,
    exceptions.ParamValidationError,
    exceptions.ProfileNotFound,
    exceptions.UnknownCredentialError,
)

_WORDS = {
    "AccessDenied": "is not allowed. Grant it to this identity",
    "AccessDeniedException": "is not allowed. Grant it to this identity",
    "UnauthorizedOperation": "is not allowed. Grant it to this identity",
    "AuthFailure": "was refused: the region is not enabled for this account. Enable it, or remove it from regions",
    "OptInRequired": "was refused: the region is not enabled for this account. Enable it, or remove it from regions",
    "InvalidClientTokenId": "was refused: the credentials are wrong, or the region is not enabled for this account",
    "UnrecognizedClientException": "was refused: the credentials are wrong, or the region is not enabled for this "
    "account",
    "ExpiredToken": "was refused: the credentials have expired",
    "ExpiredTokenException": "was refused: the credentials have expired",
    "RequestExpired": "was refused: this machine's clock is wrong. Synchronize it",
    "RequestTimeTooSkewed": "was refused: this machine's clock is wrong. Synchronize it",
    "SignatureDoesNotMatch": "was refused: the secret access key or this machine's clock is wrong",
    "InvalidSignatureException": "was refused: the secret access key or this machine's clock is wrong",
    "Throttling": "was throttled. Run it again later, or less often",
    "ThrottlingException": "was throttled. Run it again later, or less often",
    "RequestLimitExceeded": "was throttled. Run it again later, or less often",
    "InternalFailure": "failed inside AWS. Run it again later",
    "InternalServiceError": "failed inside AWS. Run it again later",
    "ServiceUnavailable": "failed inside AWS. Run it again later",
}
_REGIONAL = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "OptInRequired",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
# One part of such a request is wrong, so the rest is asked for again without it.
_INVALID = {"ValidationError", "InvalidParameterValue", "InvalidParameterCombination", "InvalidParameterValueException"}


class SetupError(BotoCoreError):
    """The environment or a file of AWS has a value that cannot be used."""

    fmt = "{reason}"


def describe_failure(call: str, error: BaseException) -> str:
    """Return a sentence about an error of AWS; no credential is in it.

    Args:
        call: What was called: ``cloudwatch:ListMetrics``.
        error: What was raised.

    """
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        code = str(details.get("Code", ""))
        if code in _INVALID:
            return f"{call} was refused: {_read_line(details)}"
        return f"{call} {_WORDS.get(code) or f'failed: {code or _read_line(details)}'}"
    if isinstance(error, _NO_CREDENTIALS):
        return f"{call} failed: no AWS credentials were found in the environment, the files and the roles"
    if isinstance(error, _NETWORK) and type(error) is not HTTPClientError:
        host = urlsplit(str(error.kwargs.get("endpoint_url") or "")).hostname
        what = f"{type(error).__name__} at {host}" if host else type(error).__name__
        return f"{call} failed: AWS cannot be reached ({what}). Check the region's name and the network"
    return f"{call} failed: {describe_setup(error)}. Check the configuration and the credentials of AWS"


def describe_setup(error: BaseException) -> str:
    """Return what is wrong with the configuration or the credentials; no credential is in it."""
    if isinstance(error, _CLEAR):
        return " ".join(str(error).split())[:200]
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) if isinstance(error, SetupError) else type(error).__name__


def describe_scope_failure(scope: Scope, call: str, error: BaseException) -> str:
    """Return a sentence about an error that names what it concerns: a role, a region or a declaration."""
    if getattr(error, "operation_name", "") == "AssumeRole":
        return f"the role {scope.role} cannot be assumed: {describe_failure('sts:AssumeRole', error)}"
    place = scope.region if is_regional(error) else str(scope)
    return f"{place}: {describe_failure(call, error)}"


def is_regional(error: BaseException) -> bool:
    """Return whether every other request to this region with this role would fail in the same way."""
    if not isinstance(error, ClientError):
        return True
    return error.operation_name == "AssumeRole" or error.response.get("Error", {}).get("Code") in _REGIONAL


def is_invalid(error: BaseException) -> bool:
    """Return whether AWS, or botocore before it, refused a request because of what it asks for."""
    if isinstance(error, exceptions.ParamValidationError):
        return True
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _INVALID


def _read_line(details: Any) -> str:
    return " ".join(str(details.get("Message", "")).split())[:200]
