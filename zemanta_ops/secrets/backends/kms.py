"""``kms``: AWS Key Management Service, with any credentials that boto3 finds.

A token names its region and its key; up to 4,096 bytes are encrypted by KMS itself, more under a data key (envelope).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

from zemanta_ops.secrets import wire
from zemanta_ops.secrets.backends import _aws_session as aws
from zemanta_ops.secrets.backends._aws_calls import Patience, call
from zemanta_ops.secrets.backends.base import Backend, Result, chosen, from_base64, to_base64
from zemanta_ops.secrets.exceptions import DecryptError, EncryptError, SecretError, TokenError, WrongKeyError
from zemanta_ops.secrets.wire import Token

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

MAX_DIRECT_BYTES = 4096  # KMS Encrypt: "up to 4 KB", API reference
SUITE = "AES-256-GCM"

_KEY = re.compile(r"[A-Za-z0-9:/_-]{1,256}")
_NONCE_BYTES = 12


class KMSBackend(Backend):
    """Needs ``kms:Encrypt`` (``kms:GenerateDataKey`` above 4,096 bytes) to encrypt, ``kms:Decrypt`` to decrypt."""

    name = "kms"
    options: ClassVar = {
        "key": "key id, ARN or alias/NAME",
        "region": "AWS region (default: that of the key's ARN, AWS_REGION, AWS_DEFAULT_REGION, or the profile)",
    }
    concurrency = aws.CONCURRENCY

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt under ``key`` in ``region``; the token carries the key id that KMS answers, not the alias."""
        chosen(self, options, "key")
        region = _region(options)
        if not plaintext:
            raise EncryptError('KMS encrypts no empty text: use Secret("") for an empty secret')
        patience, pairs = _patience(region), dict(context)
        if len(plaintext) > MAX_DIRECT_BYTES:
            return _envelope(plaintext, pairs, options["key"], patience)
        answer = _ask(
            lambda client: client.encrypt(KeyId=options["key"], Plaintext=plaintext, EncryptionContext=pairs),
            EncryptError,
            patience,
        )
        params = {"region": region, "key": _stable_id(answer["KeyId"]), **wire.context_params(context)}
        return Token(self.name, params, to_base64(answer["CiphertextBlob"]))

    def rewrap(self, token: Token, context: Mapping[str, str], /, **options: Any) -> Token | None:
        """Call ReEncrypt, which needs ``kms:ReEncryptFrom`` and ``kms:ReEncryptTo``, in the region of the token.

        Another region, or an envelope (whose body is authenticated with its key id), must be decrypted here.
        """
        chosen(self, options, "key")
        region = token.params.get("region", "")
        wanted = options.get("region") or aws.region_of_key(options["key"]) or region
        if "dk" in token.params or wanted != region or not aws.is_region(region):
            return None
        key, blob = token.params.get("key"), from_base64(token)
        source: Any = {"SourceKeyId": key} if key else {}
        answer = _ask(
            lambda client: client.re_encrypt(
                CiphertextBlob=blob,
                SourceEncryptionContext=token.context,
                DestinationKeyId=options["key"],
                DestinationEncryptionContext=dict(context),
                **source,
            ),
            EncryptError,
            _patience(region),
        )
        if key and _stable_id(answer["SourceKeyId"]) != key:
            raise WrongKeyError("another KMS key made this token")
        params = {"region": region, "key": _stable_id(answer["KeyId"]), **wire.context_params(context)}
        return Token(self.name, params, to_base64(answer["CiphertextBlob"]))

    def decrypt(self, token: Token) -> bytes:
        """Ask KMS; a token of SecretCrypt 1.x has only ``region``."""
        return _decrypt(token, _patience(_region_of(token)))

    def decrypt_many(self, tokens: Sequence[Token]) -> list[Result]:
        """Decrypt up to 32 tokens at a time; what keeps one region from answering is waited for once."""
        regions = [_region_or_error(token) for token in tokens]
        ready = {region: _prepared(region, regions.count(region)) for region in set(regions) if isinstance(region, str)}

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


def _region(options: Mapping[str, Any]) -> str:
    """Return the region to encrypt in, from the strongest place that names one; none is never guessed."""
    given, of_key = str(options.get("region") or ""), aws.region_of_key(str(options["key"]))
    if given and of_key and given != of_key:
        raise EncryptError(f"the key is in {of_key}, not in {given}: leave out region, or name another key")
    region = given or of_key or aws.default_region()
    if not region:
        raise EncryptError("no AWS region: give --region, the key's ARN, AWS_REGION or a profile with a region")
    if not aws.is_region(region):
        raise EncryptError("region must be an AWS region, such as eu-west-1")
    return region


def _region_of(token: Token) -> str:
    """Return the region of a token; TokenError if its params are not those of a kms token."""
    if set(token.params) - {"region"}:
        token.require("region", "key", optional=("dk",))
        if not _KEY.fullmatch(token.params["key"]):
            raise TokenError("malformed kms token: its key is not a key id")
    region = token.params.get("region", "")
    if not aws.is_region(region):
        raise TokenError("malformed kms token: it needs an AWS region")
    return region


def _region_or_error(token: Token) -> str | SecretError:
    try:
        return _region_of(token)
    except SecretError as error:
        return error


def _patience(region: str, total: int = 1) -> Patience:
    return Patience(region, total, repeat=not call(aws.is_retry_configured, SecretError, Patience(region)))


def _prepared(region: str, total: int) -> Patience | SecretError:
    """Make the client of a region, with its credentials; an error counts for all its tokens."""
    try:
        patience = _patience(region, total)
        call(lambda: aws.client(region), DecryptError, patience)
    except SecretError as error:
        return error
    return patience


def _ask(operation: Callable[[KMSClient], Any], otherwise: type[SecretError], patience: Patience) -> Any:
    return call(lambda: operation(aws.client(patience.region)), otherwise, patience)


def _envelope(plaintext: bytes, context: dict[str, str], key: str, patience: Patience) -> Token:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    answer = _ask(
        lambda client: client.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context),
        EncryptError,
        patience,
    )
    params = {"region": patience.region, "key": _stable_id(answer["KeyId"]), "dk": to_base64(answer["CiphertextBlob"])}
    token = Token("kms", params | wire.context_params(context), "")
    nonce = secrets.token_bytes(_NONCE_BYTES)
    body = nonce + AESGCM(answer["Plaintext"]).encrypt(nonce, plaintext, _authenticated(token))
    return Token("kms", token.params, to_base64(body))


def _decrypt(token: Token, patience: Patience) -> bytes:
    if "dk" not in token.params:
        return _decrypt_blob(token, from_base64(token), patience)
    # Imported for envelopes alone: cryptography need not be there to decrypt what KMS itself has encrypted.
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data_key = _decrypt_blob(token, from_base64(token, token.params["dk"]), patience)
    body = from_base64(token)
    try:
        return AESGCM(data_key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], _authenticated(token))
    except (InvalidTag, ValueError):
        raise WrongKeyError("the kms token was changed after it was made") from None


def _decrypt_blob(token: Token, blob: bytes, patience: Patience) -> bytes:
    key: Any = {"KeyId": token.params["key"]} if "key" in token.params else {}
    answer = _ask(
        lambda client: client.decrypt(CiphertextBlob=blob, EncryptionContext=token.context, **key),
        DecryptError,
        patience,
    )
    plaintext: bytes = answer["Plaintext"]
    return plaintext


def _authenticated(token: Token) -> bytes:
    return wire.associated_data(token, version="1", suite=SUITE, key_id=token.params["key"])


def _stable_id(key: str) -> str:
    """Keep only the id of a multi-region key, which is the same in each of its regions; of others the whole ARN."""
    resource = key.rpartition("/")[2]
    return resource if resource.startswith("mrk-") else key
