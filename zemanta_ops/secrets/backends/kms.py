"""``kms``: AWS Key Management Service, with any credentials that boto3 finds.

A token names its region and its key. KMS itself encrypts up to 4,096 bytes; longer secrets are encrypted under a data
key (envelope).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

from zemanta_ops.secrets import wire
from zemanta_ops.secrets.backends import _aws_session as aws
from zemanta_ops.secrets.backends._aws_calls import Patience, call
from zemanta_ops.secrets.backends.base import BatchBackend, Option, Result, check_options, from_base64, to_base64
from zemanta_ops.secrets.exceptions import DecryptError, EncryptError, SecretError, TokenError, WrongKeyError
from zemanta_ops.secrets.wire import Token

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

MAX_DIRECT_BYTES = 4096  # KMS Encrypt: "up to 4 KB", API reference

_KEY = re.compile(r"[A-Za-z0-9:/_-]{1,256}")


class KMSBackend(BatchBackend):
    """Needs ``kms:Encrypt`` (``kms:GenerateDataKey`` above 4,096 bytes) to encrypt, ``kms:Decrypt`` to decrypt."""

    name = "kms"
    options: ClassVar = {
        "key": Option("key id, ARN or alias/NAME"),
        "region": Option("AWS region (default: that of the key's ARN, AWS_REGION, AWS_DEFAULT_REGION or the profile)"),
    }
    concurrency = aws.CONCURRENCY

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt under ``key`` in ``region``; the token holds the key id that KMS returns, not the alias."""
        check_options(self, options, "key")
        region = _choose_region(options)
        if not plaintext:
            raise EncryptError('KMS cannot encrypt an empty string: use Secret("") for an empty secret')
        patience, pairs = _start_clock(region), dict(context)
        if len(plaintext) > MAX_DIRECT_BYTES:
            return _encrypt_envelope(plaintext, pairs, options["key"], patience)
        answer = _ask(
            lambda client: client.encrypt(KeyId=options["key"], Plaintext=plaintext, EncryptionContext=pairs),
            ("KeyId", "CiphertextBlob"),
            EncryptError,
            patience,
        )
        params = {"region": region, "key": _stable_id(answer["KeyId"]), **wire.context_params(context)}
        return Token(self.name, params, to_base64(answer["CiphertextBlob"]))

    def rewrap(self, token: Token, context: Mapping[str, str], /, **options: Any) -> Token | None:
        """Call ReEncrypt, which needs ``kms:ReEncryptFrom`` and ``kms:ReEncryptTo``, in the region of the token.

        None for another region, and for an envelope, whose body is authenticated with its key id.
        """
        check_options(self, options, "key")
        region = token.params.get("region", "")
        wanted = options.get("region") or aws.region_of_key(options["key"]) or region
        if "dk" in token.params or wanted != region or not aws.is_region(region):
            return None
        key, blob = token.params.get("key"), from_base64(token)
        request: Any = {
            "CiphertextBlob": blob,
            "SourceEncryptionContext": token.context,
            "DestinationKeyId": options["key"],
            "DestinationEncryptionContext": dict(context),
            **({"SourceKeyId": key} if key else {}),
        }
        answer = _ask(
            lambda client: client.re_encrypt(**request),
            ("SourceKeyId", "KeyId", "CiphertextBlob"),
            EncryptError,
            _start_clock(region),
        )
        if key and _stable_id(answer["SourceKeyId"]) != key:
            raise WrongKeyError("a different KMS key made this token")
        params = {"region": region, "key": _stable_id(answer["KeyId"]), **wire.context_params(context)}
        return Token(self.name, params, to_base64(answer["CiphertextBlob"]))

    def decrypt_many(self, tokens: Sequence[Token]) -> list[Result]:
        """Decrypt up to 32 tokens at a time; a region that does not answer is waited for once."""
        regions = [_region_or_error(token) for token in tokens]
        ready = {region: _prepare(region, regions.count(region)) for region in set(regions) if isinstance(region, str)}

        def attempt(place: int) -> Result:
            region = regions[place]
            patience = ready[region] if isinstance(region, str) else region
            if isinstance(patience, SecretError):
                return patience
            try:
                return _decrypt(tokens[place], patience)
            except SecretError as error:
                return error

        with ThreadPoolExecutor(max(1, min(self.concurrency, len(tokens)))) as pool:
            return list(pool.map(attempt, range(len(tokens))))


def _choose_region(options: Mapping[str, Any]) -> str:
    """Return the region to encrypt in, from the first place that names one; it is never guessed."""
    given, of_key = str(options.get("region") or ""), aws.region_of_key(str(options["key"]))
    if given and of_key and given != of_key:
        raise EncryptError(f"the key is in {of_key}, not in {given}: leave out region, or name another key")
    region = given or of_key or aws.default_region()
    if not region:
        raise EncryptError("no AWS region: give --region, the key's ARN, AWS_REGION or a profile with a region")
    if not aws.is_region(region):
        raise EncryptError("region must be an AWS region, such as eu-west-1")
    return region


def _read_region(token: Token) -> str:
    """Return the region of a token; TokenError if its params are not those of a kms token."""
    if not token.is_legacy:
        token.require("region", "key", optional=("dk",))
        if not _KEY.fullmatch(token.params["key"]):
            raise TokenError("malformed kms token: its key is not a key id")
    region = token.params.get("region", "")
    if not aws.is_region(region):
        raise TokenError("malformed kms token: it needs an AWS region")
    return region


def _region_or_error(token: Token) -> str | SecretError:
    try:
        return _read_region(token)
    except SecretError as error:
        return error


def _start_clock(region: str, total: int = 1) -> Patience:
    return Patience(region, total, repeat=not call(aws.is_retry_configured, SecretError, Patience(region)))


def _prepare(region: str, total: int) -> Patience | SecretError:
    """Make the client of a region, with its credentials; an error counts for all its tokens."""
    try:
        patience = _start_clock(region, total)
        call(lambda: aws.client(region), DecryptError, patience)
    except SecretError as error:
        return error
    return patience


def _ask(
    operation: Callable[[KMSClient], Any], fields: Sequence[str], otherwise: type[SecretError], patience: Patience
) -> dict[str, Any]:
    """Return the named fields of an answer: a server that is not KMS does not have them."""

    def ask() -> dict[str, Any]:
        answer = operation(aws.client(patience.region))
        return {field: answer[field] for field in fields}

    return call(ask, otherwise, patience)


def _encrypt_envelope(plaintext: bytes, context: dict[str, str], key: str, patience: Patience) -> Token:
    # Imported for envelopes alone: without them, a process needs no cryptography.
    from zemanta_ops.secrets.backends import _aesgcm

    answer = _ask(
        lambda client: client.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context),
        ("KeyId", "CiphertextBlob", "Plaintext"),
        EncryptError,
        patience,
    )
    params = {"region": patience.region, "key": _stable_id(answer["KeyId"]), "dk": to_base64(answer["CiphertextBlob"])}
    token = Token("kms", params | wire.context_params(context), "")
    body = _aesgcm.encrypt(answer["Plaintext"], plaintext, _associated_data(token, _aesgcm.NAME))
    return Token("kms", token.params, to_base64(body))


def _decrypt(token: Token, patience: Patience) -> bytes:
    if "dk" not in token.params:
        return _decrypt_blob(token, from_base64(token), patience)
    from zemanta_ops.secrets.backends import _aesgcm

    data_key = _decrypt_blob(token, from_base64(token, token.params["dk"]), patience)
    plaintext = _aesgcm.decrypt(data_key, from_base64(token), _associated_data(token, _aesgcm.NAME))
    if plaintext is None:
        raise WrongKeyError("the kms token was changed after it was made")
    return plaintext


def _decrypt_blob(token: Token, blob: bytes, patience: Patience) -> bytes:
    key: Any = {"KeyId": token.params["key"]} if "key" in token.params else {}
    answer = _ask(
        lambda client: client.decrypt(CiphertextBlob=blob, EncryptionContext=token.context, **key),
        ("Plaintext",),
        DecryptError,
        patience,
    )
    plaintext: bytes = answer["Plaintext"]
    return plaintext


def _associated_data(token: Token, suite: str) -> bytes:
    return wire.associated_data(token, version="1", suite=suite, key_id=token.params["key"])


def _stable_id(key: str) -> str:
    """Return the id of a multi-region key, which is the same in all its regions, or the whole ARN of another key."""
    resource = key.rpartition("/")[2]
    return resource if resource.startswith("mrk-") else key
