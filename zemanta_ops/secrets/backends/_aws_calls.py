"""Calls to AWS KMS: repeated while that can help, and every failure as one of our errors with what to do.

Codes: https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html and each operation's own.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import botocore.exceptions

from zemanta_ops.secrets.backends._aws_session import READ_SECONDS
from zemanta_ops.secrets.exceptions import (
    DecryptError,
    DeniedError,
    MissingKeyError,
    SecretError,
    ThrottledError,
    UnreachableError,
    WrongKeyError,
)

T = TypeVar("T")

# A start waits this long for a KMS that throttles, or that fails or does not answer.
THROTTLED_SECONDS = 60.0
FAILING_SECONDS = 12.0
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0

logger = logging.getLogger(__name__)

_THROTTLED = (ThrottledError, "KMS in {region} throttles this account: try again later, or raise its quota")
_FAILED = (UnreachableError, "KMS in {region} failed ({code}): try again later")
_EXPIRED = (MissingKeyError, "the AWS credentials have expired: log in again, or restart what renews them")
_INVALID = (MissingKeyError, "the AWS credentials are not valid (asked in {region}): check the access key")
_CLOCK = (MissingKeyError, "AWS refuses the time of this machine: set its clock (chrony, ntpd)")
_DISABLED = (DecryptError, "the KMS key is disabled or pending deletion: enable it in {region}")

_REASONS: dict[str, tuple[type[SecretError], str]] = {
    "AccessDenied": (DeniedError, "AWS denies this identity the operation {operation}: allow it in IAM"),
    "AccessDeniedException": (
        DeniedError,
        "KMS denies this identity {operation} in {region}: allow it on the ARN of the key",
    ),
    "DependencyTimeoutException": _FAILED,
    "DisabledException": _DISABLED,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "ForbiddenException": (DeniedError, "AWS SSO denies this account or role: check sso_account_id and sso_role_name"),
    "IDPCommunicationError": (UnreachableError, "AWS cannot reach the identity provider: try again later"),
    "IncorrectKeyException": (WrongKeyError, "a different KMS key made this token"),
    "InternalFailure": _FAILED,
    "InvalidCiphertextException": (
        WrongKeyError,
        "KMS in {region} rejects the ciphertext: it, its app or its name was changed, or the region is wrong",
    ),
    "InvalidClientTokenId": _INVALID,
    "InvalidIdentityToken": (MissingKeyError, "AWS refuses the web identity token: check the trust policy of the role"),
    "InvalidSignatureException": _INVALID,
    "KMSInternalException": _FAILED,
    "KMSInvalidStateException": _DISABLED,
    "KeyUnavailableException": _FAILED,
    "LimitExceededException": _THROTTLED,
    "NotFoundException": (MissingKeyError, "the KMS key does not exist in this region ({region})"),
    "OptInRequired": (DeniedError, "the account has not enabled the region {region}: enable it, or check the region"),
    "RequestExpired": _CLOCK,
    "RequestLimitExceeded": _THROTTLED,
    "RequestTimeTooSkewed": _CLOCK,
    "ServiceUnavailable": _FAILED,
    "ServiceUnavailableException": _FAILED,
    "SignatureDoesNotMatch": _INVALID,
    "Throttling": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "TooManyRequestsException": _THROTTLED,
    "UnauthorizedException": (MissingKeyError, "the AWS SSO session has expired: run aws sso login"),
    "UnrecognizedClientException": _INVALID,
}
# What botocore raises without an answer of AWS, by the names of its classes: the first that fits counts.
_FAILURES: tuple[tuple[frozenset[str], type[SecretError], str], ...] = (
    (
        frozenset({"NoCredentialsError", "PartialCredentialsError"}),
        MissingKeyError,
        "no AWS credentials were found: boto3 looks in the environment, files and roles",
    ),
    (frozenset({"ProfileNotFound"}), MissingKeyError, "the AWS profile does not exist: check AWS_PROFILE"),
    (
        frozenset({"SSOError", "TokenRetrievalError", "NoAuthTokenError", "LoginError"}),
        MissingKeyError,
        "there is no valid AWS SSO session: run aws sso login",
    ),
    (
        frozenset({"MetadataRetrievalError"}),
        MissingKeyError,
        "the container or instance gives no AWS credentials: check its role",
    ),
    (
        frozenset({"CredentialRetrievalError"}),
        MissingKeyError,
        "the AWS credentials could not be fetched: run the profile's credential_process, or aws sts "
        "get-caller-identity, to see why",
    ),
    (
        frozenset({"CredentialSourceError"}),
        MissingKeyError,
        "the AWS credentials could not be fetched ({failure}): check the files, programs and addresses that the "
        "profile and the AWS variables name",
    ),
    (
        frozenset(
            {"InvalidConfigError", "ConfigParseError", "RefreshWithMFAUnsupportedError", "UnknownCredentialError"}
        ),
        MissingKeyError,
        "the AWS profile cannot be used ({failure}): check the AWS config file",
    ),
    (
        frozenset({"SSLError"}),
        UnreachableError,
        "TLS fails at {host}: check AWS_CA_BUNDLE, and any proxy between this machine and AWS",
    ),
    (
        frozenset({"KeyError", "ResponseParserError"}),
        UnreachableError,
        "what answers for KMS in {region} is not KMS: check AWS_ENDPOINT_URL, and any proxy between this machine "
        "and AWS",
    ),
    (
        frozenset({"ProxyConnectionError", "InvalidProxiesConfigError"}),
        UnreachableError,
        "the proxy to KMS in {region} does not answer: check HTTPS_PROXY and NO_PROXY",
    ),
    (
        frozenset({"HTTPClientError", "ConnectionError"}),
        UnreachableError,
        "KMS in {region} does not answer ({failure} at {host}): check the region and the network",
    ),
    (
        frozenset(
            {
                "InvalidDefaultsMode",
                "InvalidRetryConfigurationError",
                "InvalidSTSRegionalEndpointsConfigError",
                "ValueError",
            }
        ),
        MissingKeyError,
        "boto3 refuses its configuration ({failure}): check AWS_ENDPOINT_URL (also of KMS and STS), AWS_MAX_ATTEMPTS, "
        "AWS_RETRY_MODE, AWS_DEFAULTS_MODE and AWS_STS_REGIONAL_ENDPOINTS, and the same settings of the profile",
    ),
)


class Patience:
    """How long the calls of one start are repeated, together: what one learned, the others need not wait for.

    Attributes:
        total: How many secrets the start decrypts, for the log line about the wait.
    """

    def __init__(self, region: str, total: int = 1, *, repeat: bool = True) -> None:
        """Start the clock.

        Args:
            region: The region that is asked.
            total: How many secrets are decrypted.
            repeat: False if the user has configured botocore's own retries, which count then.
        """
        self.region = region
        self.total = total
        self._repeat = repeat
        self._start = time.monotonic()
        self._given_up: SecretError | None = None
        self._reported = False

    def check(self) -> None:
        """Raise what another call of this start gave up with."""
        if self._given_up is not None:
            raise type(self._given_up)(*self._given_up.args)

    def wait(self, error: SecretError, attempt: int) -> bool:
        """Wait before another attempt; return False if there is to be none."""
        limit = THROTTLED_SECONDS if isinstance(error, ThrottledError) else FAILING_SECONDS - READ_SECONDS
        if not self._repeat or not isinstance(error, (ThrottledError, UnreachableError)):
            return False
        if time.monotonic() - self._start > limit:
            self._given_up = error
            return False
        if isinstance(error, ThrottledError):
            self._report(limit)
        time.sleep(random.uniform(0.5, 1) * min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt))  # noqa: S311 (jitter)
        return True

    def _report(self, limit: float) -> None:
        if not self._reported:
            self._reported = True
            logger.warning(
                "KMS in %s throttles requests: waiting up to %d s to decrypt %d secret%s",
                self.region,
                limit,
                self.total,
                "" if self.total == 1 else "s",
            )


def call(operation: Callable[[], T], otherwise: type[SecretError], patience: Patience) -> T:
    """Return what ``operation`` returns; throttling and failures of the service are repeated.

    Args:
        operation: One request.
        otherwise: The error for a failure that is not known.
        patience: Shared by all calls of a start.

    Raises:
        SecretError: With what to do; without anything that AWS answered but its code.
    """
    attempt = 0
    while True:
        patience.check()
        result = _attempt(operation, otherwise, patience.region)
        if not isinstance(result, _Failure):
            return result
        if not patience.wait(result.error, attempt):
            raise result.error
        attempt += 1


class _Failure:
    def __init__(self, error: SecretError) -> None:
        self.error = error


def _attempt(operation: Callable[[], T], otherwise: type[SecretError], region: str) -> T | _Failure:
    _calling.now = True
    try:
        return operation()
    except botocore.exceptions.ClientError as error:
        return _Failure(_refusal(error, otherwise, region))
    except Exception as error:  # noqa: BLE001
        # Not only botocore's own: AWS_ENDPOINT_URL is not an address, or names a server that is not KMS.
        return _Failure(_failure(error, otherwise, region))
    finally:
        _calling.now = False


def _refusal(error: botocore.exceptions.ClientError, otherwise: type[SecretError], region: str) -> SecretError:
    described = error.response.get("Error", {})
    code = str(described.get("Code", "an unknown error"))
    message = str(described.get("Message", ""))
    if "Signature expired" in message or "Signature not yet current" in message:
        code = "RequestTimeTooSkewed"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    unknown = _FAILED if status >= 500 else (otherwise, "KMS in {region} returned the error {code}")
    kind, reason = _REASONS.get(code, unknown)
    return kind(reason.format(region=region, code=code, operation=error.operation_name))


def _failure(error: Exception, otherwise: type[SecretError], region: str) -> SecretError:
    name, names = type(error).__name__, {base.__name__ for base in type(error).__mro__}
    name = getattr(error, "kwargs", {}).get("cause", name)
    # Of the endpoint only the host: a proxy's URL holds its password.
    endpoint = getattr(error, "kwargs", {}).get("endpoint_url", "")
    host = urlsplit(str(endpoint)).hostname or "AWS"
    for known, kind, reason in _FAILURES:
        if known & names:
            return kind(reason.format(region=region, failure=name, host=host))
    return otherwise(f"boto3 could not call KMS in {region} ({name})")


_calling = threading.local()


def _hide(record: logging.LogRecord) -> bool:
    """Drop what botocore logs of our calls below INFO: whole bodies, whose plaintext redaction does not know yet."""
    return record.levelno >= logging.INFO or not getattr(_calling, "now", False)


for _name in ("botocore.endpoint", "botocore.parsers"):
    logging.getLogger(_name).addFilter(_hide)
