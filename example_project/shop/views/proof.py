"""Shows that the secrets were decrypted without showing them."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, JsonResponse

NONCE_VARIABLE = "SHOP_PROOF_NONCE"
SECRET_SETTINGS = (
    "SECRET_KEY",
    "NEWSLETTER_API_KEY",
    "DATABASES.default.PASSWORD",
    "PAYMENT.gateways.0.credential",
    "PAYMENT.gateways.1.credential",
)


def fingerprint(nonce: str, value: str) -> str:
    """Return the first 12 hex digits of an HMAC of the value, worthless to whoever has not the nonce of this run."""
    return hmac.new(nonce.encode(), value.encode(), hashlib.sha256).hexdigest()[:12]


def fingerprints(_request: HttpRequest) -> JsonResponse:
    """Return the fingerprint of each secret setting; 404 unless this run has a nonce."""
    nonce = os.environ.get(NONCE_VARIABLE)
    if not nonce:
        raise Http404
    return JsonResponse({path: fingerprint(nonce, lookup(path)) for path in SECRET_SETTINGS})


def lookup(path: str) -> str:
    """Return the setting at a path such as ``DATABASES.default.PASSWORD``; a list index is a number."""
    first, *rest = path.split(".")
    found: Any = getattr(settings, first)
    for key in rest:
        found = found[key] if isinstance(found, Mapping) else found[int(key)]
    if not isinstance(found, str):
        raise TypeError(f"{path} is not decrypted")
    return found
