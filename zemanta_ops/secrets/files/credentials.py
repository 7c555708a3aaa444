"""Private keys of ours, and credentials of well-known services, by their shape, in any text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from zemanta_ops.secrets import backends

_SHAPES = {
    "a private key of age": r"(?i:AGE-SECRET-KEY-(?:PQ-)?1[0-9a-z]{50,})",
    "a private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "an access key of AWS": r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
    "a secret access key of AWS": r"(?i:aws_?secret_?(?:access_?)?key\w*)[\"']?\s{0,5}(?:=>|=|:)\s{0,5}[\"']?"
    r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
    "a token of GitHub": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    "a token of GitLab": r"\bgl(?:pat|dt|rt|cbt|ptt|soat)-[A-Za-z0-9_-]{20,}",
    "a token of Slack": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}",
    "a webhook of Slack": r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,}",
    "a webhook of Discord": r"discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{20,}",
    "a key of Stripe": r"\b(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/=]{20,}",
    "a key of Google": r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])|\bGOCSPX-[A-Za-z0-9_-]{20,}"
    r"|\bya29\.[A-Za-z0-9_-]{20,}",
    "a key of Azure Storage": r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}",
    "a key of SendGrid": r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "a key of Mailgun": r"\bkey-[0-9a-f]{32}\b",
    "a key of Twilio": r"\bSK[0-9a-f]{32}\b",
    "a token of Telegram": r"\b\d{8,10}:AA[A-Za-z0-9_-]{32,33}(?![A-Za-z0-9_-])",
    "a token of PyPI": r"\bpypi-AgE[A-Za-z0-9_-]{40,}",
    "a token of npm": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a token of Vault": r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}",
    "a key of OpenAI or Anthropic": r"\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{32,}",
    "a token of Hugging Face": r"\bhf_[A-Za-z0-9]{30,}",
    "a token of DigitalOcean": r"\bdo[opr]_v1_[0-9a-f]{64}",
    "a token of Shopify": r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    "a token of Sentry": r"\bsntry[su]_[A-Za-z0-9+/=_]{30,}",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "a password in a URL": r"\b[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/@:\"'<>{}$\\]{0,100}:(?!//)"
    r"(?P<password>[^\s/@\"'<>\\]{1,200})@[A-Za-z0-9\[{$%<_-]",
}
_ANY = re.compile("|".join(f"(?P<shape{number}>{shape})" for number, shape in enumerate(_SHAPES.values())))
_NAMES = list(_SHAPES)
# Passwords that a program puts in, or that documentation shows as such.
_PLACEHOLDER = re.compile(
    r"\$?\{[^}]*\}|\$\(?\w+\)?|%\(?\w*\)?[sdr]?|[*.xX_-]+|\[?(?:your[_-]?)?(?:password|passwd|pass|pwd|pw)\]?",
    re.IGNORECASE,
)
# Longer files are data. Longer lines are made by programs.
_MAX_BYTES = 16 * 1024 * 1024


def find_credentials(text: str) -> Iterator[str]:
    """Yield what each credential in a line of text is; tokens of ours are not credentials."""
    for match in _ANY.finditer(backends.blank_tokens(text)):
        password = match["password"]
        if password is None or not _PLACEHOLDER.fullmatch(password):
            yield _NAMES[int((match.lastgroup or "shape0").removeprefix("shape"))]


def find_new_credentials(new: bytes, old: bytes) -> Iterator[tuple[int, str]]:
    """Yield line number and kind of each credential in the lines of ``new`` that ``old`` does not have."""
    known = frozenset(_read(old).split("\n"))
    for number, line in enumerate(_read(new).split("\n"), 1):
        if line not in known:
            for kind in find_credentials(line):
                yield number, kind


def _read(data: bytes) -> str:
    """Decode any bytes: a credential is ASCII in every encoding but UTF-16."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace").replace("\r", "")
    return data[:_MAX_BYTES].decode("latin-1").replace("\r", "")
