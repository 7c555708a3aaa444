"""``kms``: AWS Key Management Service, with any credentials that boto3 finds.

A token names its region and its key; up to 4,096 bytes are encrypted by KMS itself, more under a data key (envelope).
Of boto3 only botocore is used, its lower half: what boto3 adds has no part in this, and each start would pay for it.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zemanta_ops.secrets import wire
from zemanta_ops.secrets.backends.base import Backend, chosen, from_base64, to_base64
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
DEFAULT_REGION = "us-east-1"  # what SecretCrypt took where none was named
MAX_DIRECT_BYTES = 4096  # KMS Encrypt: "up to 4 KB", API reference
SUITE = "AES-256-GCM"

_REGION = re.compile(r"[a-z]{2,10}(-[a-z0-9]{1,20}){1,4}")
_KEY = re.compile(r"[A-Za-z0-9:/_-]{1,256}")
_NONCE_BYTES = 12

_REASONS: dict[str, tuple[type[SecretError], str]] = {
    "AccessDeniedException": (
        DeniedError,
        "KMS denies it to this identity: grant it the operation on the ARN of the key",
    ),
    "DisabledException": (DecryptError, "the KMS key is disabled: enable it"),
    "ExpiredTokenException": (MissingKeyError, "the AWS credentials have expired"),
    "IncorrectKeyException": (WrongKeyError, "another KMS key made this token"),
    "InvalidCiphertextException": (
        WrongKeyError,
        "KMS does not accept the ciphertext: it, its app or its name was changed, or the region is wrong",
    ),
    "InvalidSignatureException": (MissingKeyError, "the AWS credentials are not valid"),
    "KMSInvalidStateException": (DecryptError, "the KMS key is disabled or about to be deleted"),
    "LimitExceededException": (ThrottledError, "KMS throttles this account: try again, or raise its quota"),
    "NotFoundException": (MissingKeyError, "the KMS key does not exist in this region"),
    "ThrottlingException": (ThrottledError, "KMS throttles this account: try again, or raise its quota"),
    "UnrecognizedClientException": (MissingKeyError, "the AWS credentials are not valid"),
}

_clients: dict[str, KMSClient] = {}
_lock = threading.Lock()
_calling = threading.local()


def _hush(record: logging.LogRecord) -> bool:
    """Drop what botocore logs of our calls below INFO: whole bodies, whose plaintext redaction does not know yet."""
    return record.levelno >= logging.INFO or not getattr(_calling, "now", False)


for _name in ("botocore.endpoint", "botocore.parsers"):
    logging.getLogger(_name).addFilter(_hush)


class KMSBackend(Backend):
    """Needs ``kms:Encrypt`` (``kms:GenerateDataKey`` above 4,096 bytes) to encrypt, ``kms:Decrypt`` to decrypt."""

    name = "kms"
    options: ClassVar = {"key": "key id, ARN or alias/NAME", "region": f"AWS region (default: {DEFAULT_REGION})"}
    concurrency = CONCURRENCY

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt under ``key`` in ``region``; the token carries the key id that KMS answers, not the alias."""
        chosen(self, options, "key")
        region = options.get("region") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        if not _REGION.fullmatch(region):
            raise EncryptError("region must be an AWS region, such as eu-west-1")
        if not plaintext:
            raise EncryptError('KMS encrypts no empty text: use Secret("") for an empty secret')
        client, pairs = _client(region), dict(context)
        if len(plaintext) > MAX_DIRECT_BYTES:
            return _envelope(client, plaintext, pairs, options["key"], region)
        answer = _call(
            lambda: client.encrypt(KeyId=options["key"], Plaintext=plaintext, EncryptionContext=pairs), EncryptError
        )
        params = {"region": region, "key": _stable_id(answer["KeyId"]), **wire.context_params(context)}
        return Token(self.name, params, to_base64(answer["CiphertextBlob"]))

    def rewrap(self, token: Token, context: Mapping[str, str], /, **options: Any) -> Token | None:
        """Call ReEncrypt, which needs ``kms:ReEncryptFrom`` and ``kms:ReEncryptTo``, in the region of the token.

        Another region, or an envelope (whose body is authenticated with its key id), must be decrypted here.
        """
        chosen(self, options, "key")
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
            raise WrongKeyError("another KMS key made this token")
        params = {"region": region, "key": _stable_id(answer["KeyId"]), **wire.context_params(context)}
        return Token(self.name, params, to_base64(answer["CiphertextBlob"]))

    def decrypt(self, token: Token) -> bytes:
        """Ask KMS; a token of SecretCrypt 1.x has only ``region``."""
        if set(token.params) - {"region"}:
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
        try:
            return AESGCM(data_key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], _authenticated(token))
        except (InvalidTag, ValueError):
            raise WrongKeyError("the kms token was changed after it was made") from None


def _envelope(client: KMSClient, plaintext: bytes, context: dict[str, str], key: str, region: str) -> Token:
    answer = _call(
        lambda: client.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context), EncryptError
    )
    params = {"region": region, "key": _stable_id(answer["KeyId"]), "dk": to_base64(answer["CiphertextBlob"])}
    token = Token("kms", params | wire.context_params(context), "")
    nonce = secrets.token_bytes(_NONCE_BYTES)
    body = nonce + AESGCM(answer["Plaintext"]).encrypt(nonce, plaintext, _authenticated(token))
    return Token("kms", token.params, to_base64(body))


def _decrypt(token: Token, region: str, blob: bytes) -> bytes:
    key: Any = {"KeyId": token.params["key"]} if "key" in token.params else {}
    client = _client(region)
    return _call(lambda: client.decrypt(CiphertextBlob=blob, EncryptionContext=token.context, **key), DecryptError)[
        "Plaintext"
    ]


def _authenticated(token: Token) -> bytes:
    return wire.associated_data(token, version="1", suite=SUITE, key_id=token.params["key"])


def _stable_id(key: str) -> str:
    """Keep only the id of a multi-region key, which is the same in each of its regions; of others the whole ARN."""
    resource = key.rpartition("/")[2]
    return resource if resource.startswith("mrk-") else key


class _Loader(Loader):
    """Reads botocore's description of KMS. The default looks into the folders of all 400 services first, twice."""

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
        kind, reason = _REASONS.get(code, (otherwise, f"KMS answered {code}"))
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError):
        kind, reason = MissingKeyError, "no AWS credentials were found: boto3 looks in the environment, files and roles"
    except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError) as error:
        kind, reason = UnreachableError, f"KMS does not answer ({type(error).__name__})"
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        # ValueError: AWS_ENDPOINT_URL is no address.
        kind, reason = otherwise, f"boto3 could not ask KMS ({type(error).__name__})"
    finally:
        _calling.now = False
    raise kind(reason)
