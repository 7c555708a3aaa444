"""Errors of AWS in one line each: what failed, and what to do."""

from __future__ import annotations

from typing import Any

from zemanta_ops.extras import MissingExtraError
from zemanta_ops.stack.cloudwatch.queries import Scope

try:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
except ImportError:
    raise MissingExtraError("CloudWatch", "cloudwatch") from None

# What a call to AWS may raise.
AwsError = (BotoCoreError, ClientError)

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
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return f"{call} failed: no AWS credentials were found in the environment, the files and the roles"
    return f"{call} failed: AWS cannot be reached ({type(error).__name__}). Check the region's name and the network"


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
    """Return whether AWS refused a request because of what it asks for."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _INVALID


def _read_line(details: Any) -> str:
    return " ".join(str(details.get("Message", "")).split())[:200]
