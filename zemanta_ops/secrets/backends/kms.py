"""``kms``: AWS Key Management Service, with any credentials that boto3 finds.

A token names its region and its key. KMS itself encrypts up to 4,096 bytes; longer secrets are encrypted under a data
key (envelope). Only botocore, the lower half of boto3, is used: the rest would only make every start slower.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from zemanta_ops.secrets import wire
from zemanta_ops.secrets.backends import _aesgcm
from zemanta_ops.secrets.backends.base import Backend, Option, check_options, from_base64, to_base64
from zemanta_ops.secrets.exceptions import (
    DecryptError,
    DeniedError,
    EncryptError,
    MissingExtraError,
    MissingKeyError,
    SecretError,
    ThrottledError,
    TokenError,
    UnreachableError,
    WrongKeyError,
)
from zemanta_ops.secrets.wire import Token

try:
    import botocore.exceptions
    import botocore.session
    from botocore.config import Config
    from botocore.loaders import Loader
except ImportError:
    raise MissingExtraError("the kms backend", "kms") from None

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

T = TypeVar("T")

ATTEMPTS = 4
CONCURRENCY = 32
DEFAULT_REGION = "us-east-1"  # SecretCrypt's default
MAX_DIRECT_BYTES = 4096  # KMS Encrypt: "up to 4 KB", API reference

_REGION = re.compile(r"[a-z]{2,10}(-[a-z0-9]{1,20}){1,4}")
_KEY = re.compile(r"[A-Za-z0-9:/_-]{1,256}")

_REASONS: dict[str, tuple[type[SecretError], str]] = {
    "AccessDeniedException": (
        DeniedError,
        "KMS denies access to this identity: allow it the operation on the ARN of the key",
    ),
    "DisabledException": (DecryptError, "the KMS key is disabled: enable it"),
    "ExpiredTokenException": (MissingKeyError, "the AWS credentials have expired"),
    "IncorrectKeyException": (WrongKeyError, "a different KMS key made this token"),
    "InvalidCiphertextException": (
        WrongKeyError,
        "KMS rejects the ciphertext: it, its app or its name was changed, or the region is wrong",
    ),
    "InvalidSignatureException": (MissingKeyError, "the AWS credentials are not valid"),
    "KMSInvalidStateException": (DecryptError, "the KMS key is disabled, or scheduled for deletion"),
    "LimitExceededException": (ThrottledError, "KMS throttles this account: try again, or raise its quota"),
    "NotFoundException": (MissingKeyError, "the KMS key does not exist in this region"),
    "ThrottlingException": (ThrottledError, "KMS throttles this account: try again, or raise its quota"),
    "UnrecognizedClientException": (MissingKeyError, "the AWS credentials are not valid"),
}

_clients: dict[str, KMSClient] = {}
_lock = threading.Lock()
_calling = threading.local()


def _drop_debug(record: logging.LogRecord) -> bool:
    """Drop botocore's DEBUG records of our calls: whole bodies, with plaintexts that redaction does not know yet."""
    return record.levelno >= logging.INFO or not getattr(_calling, "now", False)


for _name in ("botocore.endpoint", "botocore.parsers"):
    logging.getLogger(_name).addFilter(_drop_debug)


class KMSBackend(Backend):
    """Needs ``kms:Encrypt`` (``kms:GenerateDataKey`` above 4,096 bytes) to encrypt, ``kms:Decrypt`` to decrypt."""

    name = "kms"
    options: ClassVar = {
        "key": Option("key id, ARN or alias/NAME"),
        "region": Option(f"AWS region (default: AWS_DEFAULT_REGION, or else {DEFAULT_REGION})"),
    }
    concurrency = CONCURRENCY

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt under ``key`` in ``region``; the token holds the key id that KMS returns, not the alias."""
        check_options(self, options, "key")
        region = options.get("region") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        if not _REGION.fullmatch(region):
            raise EncryptError("region must be an AWS region, such as eu-west-1")
        if not plaintext:
            raise EncryptError('KMS cannot encrypt an empty string: use Secret("") for an empty secret')
        client, pairs = _client(region), dict(context)
        if len(plaintext) > MAX_DIRECT_BYTES:
            return _encrypt_envelope(client, plaintext, pairs, options["key"], region)
        answer = _call(
            lambda: client.encrypt(KeyId=options["key"], Plaintext=plaintext, EncryptionContext=pairs), EncryptError
        )
        params = {"region": region, "key": _stable_id(answer["KeyId"]), **wire.context_params(context)}
        return Token(self.name, params, to_base64(answer["CiphertextBlob"]))

    def rewrap(self, token: Token, context: Mapping[str, str], /, **options: Any) -> Token | None:
        """Call ReEncrypt, which needs ``kms:ReEncryptFrom`` and ``kms:ReEncryptTo``, in the region of the token.

        None for another region, and for an envelope, whose body is authenticated with its key id.
        """
        check_options(self, options, "key")
        region = token.params.get("region", "")
        if "dk" in token.params or options.get("region", region) != region or not _REGION.fullmatch(region):
            return None
        key, blob, client = token.params.get("key"), from_base64(token), _client(region)
        source: Any = {"SourceKeyId": key} if key else {}
        answer = _call(
            lambda: client.re_encrypt(
                CiphertextBlob=blob,
                SourceEncryptionContext=token.context,
                DestinationKeyId=options["key"],
                DestinationEncryptionContext=dict(context),
                **source,
            ),
            EncryptError,
        )
        if key and _stable_id(answer["SourceKeyId"]) != key:
            raise WrongKeyError("a different KMS key made this token")
        params = {"region": region, "key": _stable_id(answer["KeyId"]), **wire.context_params(context)}
        return Token(self.name, params, to_base64(answer["CiphertextBlob"]))

    def decrypt(self, token: Token) -> bytes:
        """Decrypt in the region of the token; a token of SecretCrypt 1.x has only that param."""
        if not token.is_legacy:
            token.require("region", "key", optional=("dk",))
            if not _KEY.fullmatch(token.params["key"]):
                raise TokenError("malformed kms token: its key is not a key id")
        region = token.params.get("region", "")
        if not _REGION.fullmatch(region):
            raise TokenError("malformed kms token: it needs an AWS region")
        if "dk" not in token.params:
            return _decrypt(token, region, from_base64(token))
        data_key = _decrypt(token, region, from_base64(token, token.params["dk"]))
        body = from_base64(token)
        plaintext = _aesgcm.decrypt(data_key, body, _associated_data(token))
        if plaintext is None:
            raise WrongKeyError("the kms token was changed after it was made")
        return plaintext


def _encrypt_envelope(client: KMSClient, plaintext: bytes, context: dict[str, str], key: str, region: str) -> Token:
    answer = _call(
        lambda: client.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context), EncryptError
    )
    params = {"region": region, "key": _stable_id(answer["KeyId"]), "dk": to_base64(answer["CiphertextBlob"])}
    token = Token("kms", params | wire.context_params(context), "")
    body = _aesgcm.encrypt(answer["Plaintext"], plaintext, _associated_data(token))
    return Token("kms", token.params, to_base64(body))


def _decrypt(token: Token, region: str, blob: bytes) -> bytes:
    key: Any = {"KeyId": token.params["key"]} if "key" in token.params else {}
    client = _client(region)
    return _call(lambda: client.decrypt(CiphertextBlob=blob, EncryptionContext=token.context, **key), DecryptError)[
        "Plaintext"
    ]


def _associated_data(token: Token) -> bytes:
    return wire.associated_data(token, version="1", suite=_aesgcm.NAME, key_id=token.params["key"])


def _stable_id(key: str) -> str:
    """Return the id of a multi-region key, which is the same in all its regions, or the whole ARN of another key."""
    resource = key.rpartition("/")[2]
    return resource if resource.startswith("mrk-") else key


class _Loader(Loader):
    """Loads botocore's description of KMS. The default loader searches the folders of all 400 services twice first."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        return ["kms"]


def _client(region: str) -> KMSClient:
    with _lock:
        if region not in _clients:
            _clients[region] = _call(lambda: _new_client(region), SecretError)
        return _clients[region]


def _new_client(region: str) -> KMSClient:
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONCURRENCY,
        connect_timeout=5,
        read_timeout=10,
    )
    session = botocore.session.Session()
    folders = session.get_config_variable("data_path") or ""
    session.register_component("data_loader", _Loader(list(filter(None, folders.split(os.pathsep)))))
    return cast("KMSClient", session.create_client("kms", region_name=region, config=config))


def _forget_clients() -> None:
    global _lock
    _lock = threading.Lock()
    _clients.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_clients)


def _call(operation: Callable[[], T], otherwise: type[SecretError]) -> T:
    _calling.now = True
    try:
        return operation()
    except botocore.exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "an unknown error"))
        kind, reason = _REASONS.get(code, (otherwise, f"KMS returned the error {code}"))
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError):
        kind, reason = (
            MissingKeyError,
            "no AWS credentials found in the environment, in files or from a role, where boto3 looks",
        )
    except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError) as error:
        kind, reason = UnreachableError, f"KMS does not answer ({type(error).__name__})"
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        # ValueError: AWS_ENDPOINT_URL is not a URL.
        kind, reason = otherwise, f"boto3 could not call KMS ({type(error).__name__})"
    finally:
        _calling.now = False
    raise kind(reason)
