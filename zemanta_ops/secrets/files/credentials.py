"""Private keys of ours, and credentials of well-known services, by their shape, in any text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence

from zemanta_ops.secrets import backends

_Shape = tuple[str, tuple[str, ...], re.Pattern[str]]

# What each is, the texts of which one must be in a line, and its shape.
_SHAPES: list[_Shape] = [
    (kind, markers, re.compile(shape))
    for kind, markers, shape in [
        (
            "a private key of age",
            ("AGE-SECRET-KEY-", "age-secret-key-"),
            r"(?i:AGE-SECRET-KEY-(?:PQ-)?1[0-9a-z]{50,})",
        ),
        ("a private key", (" KEY",), r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
        (
            "an access key of AWS",
            ("AKIA", "ASIA", "ABIA", "ACCA"),
            r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        ),
        (
            "a secret access key of AWS",
            ("aws", "AWS", "Aws"),
            r"(?i:aws_?secret_?(?:access_?)?key\w*)[\"']?\s{0,5}(?:=>|=|:)\s{0,5}[\"']?"
            r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        ),
        (
            "a token of GitHub",
            ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
            r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
        ),
        ("a token of GitLab", ("gl",), r"\bgl(?:pat|dt|rt|cbt|ptt|soat)-[A-Za-z0-9_-]{20,}"),
        ("a token of Slack", ("xox", "xapp-"), r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"),
        (
            "a webhook of Slack",
            ("hooks.slack.com",),
            r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,}",
        ),
        ("a webhook of Discord", ("webhooks/",), r"discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{20,}"),
        (
            "a key of Stripe",
            ("sk_", "rk_", "whsec_"),
            r"\b(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/=]{20,}",
        ),
        (
            "a key of Google",
            ("AIza", "GOCSPX-", "ya29."),
            r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])|\bGOCSPX-[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{20,}",
        ),
        ("a key of Azure Storage", ("AccountKey=",), r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}"),
        ("a key of SendGrid", ("SG.",), r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
        ("a key of Mailgun", ("key-",), r"\bkey-[0-9a-f]{32}\b"),
        ("a key of Twilio", ("SK",), r"\bSK[0-9a-f]{32}\b"),
        ("a token of Telegram", (":AA",), r"\b\d{8,10}:AA[A-Za-z0-9_-]{32,33}(?![A-Za-z0-9_-])"),
        ("a token of PyPI", ("pypi-AgE",), r"\bpypi-AgE[A-Za-z0-9_-]{40,}"),
        ("a token of npm", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("a token of Vault", ("hvs.", "hvb.", "hvr."), r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
        ("a key of OpenAI or Anthropic", ("sk-",), r"\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{32,}"),
        ("a token of Hugging Face", ("hf_",), r"\bhf_[A-Za-z0-9]{30,}"),
        ("a token of DigitalOcean", ("_v1_",), r"\bdo[opr]_v1_[0-9a-f]{64}"),
        ("a token of Shopify", ("shp",), r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
        ("a token of Sentry", ("sntry",), r"\bsntry[su]_[A-Za-z0-9+/=_]{30,}"),
        ("a JSON web token", ("eyJ",), r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
        (
            "a password in a URL",
            ("://",),
            r"\b[A-Za-z][A-Za-z0-9+.-]{1,30}://(?P<user>[^\s/@:\"'<>{}$\\]{0,100}):(?!//)"
            r"(?P<password>[^\s/@\"'<>\\]{1,200})@[A-Za-z0-9\[{$%<_-]",
        ),
    ]
]
# Passwords that a program puts in, or that documentation shows as such.
_PLACEHOLDER = re.compile(
    r"\$?\{[^}]*\}|\$\(?\w+\)?|%\(?\w*\)?[sdr]?|[*.xX_-]+|\[?(?:your[_-]?)?(?:password|passwd|pass|pwd|pw)\]?",
    re.IGNORECASE,
)
# Longer files are data. Longer lines are made by programs.
_MAX_BYTES = 16 * 1024 * 1024


def find_credentials(text: str, shapes: Sequence[_Shape] = _SHAPES) -> Iterator[str]:
    """Yield what each credential in a line of text is; tokens of ours are not credentials."""
    shapes = [shape for shape in shapes if _may_match(text, shape)]
    blanked = backends.blank_tokens(text) if shapes else ""
    for kind, _, pattern in shapes:
        for match in pattern.finditer(blanked):
            found = match.groupdict()
            password = found.get("password")
            # Where both are the same, as in postgres:postgres, neither is a secret.
            if password is None or not (_PLACEHOLDER.fullmatch(password) or password == found["user"]):
                yield kind


def find_new_credentials(new: bytes, old: bytes) -> Iterator[tuple[int, str]]:
    """Yield line number and kind of each credential in the lines of ``new`` that ``old`` does not have."""
    text = _read(new)
    shapes = [shape for shape in _SHAPES if _may_match(text, shape)]
    if not shapes:
        return
    known = frozenset(_read(old).split("\n"))
    for number, line in enumerate(text.split("\n"), 1):
        if line not in known:
            for kind in find_credentials(line, shapes):
                yield number, kind


def _may_match(text: str, shape: _Shape) -> bool:
    """Whether a text has what a shape needs; much faster than to look for the shape."""
    return any(marker in text for marker in shape[1]) and ("@" in text or shape[1] != ("://",))


def _read(data: bytes) -> str:
    """Decode any bytes: a credential is ASCII in every encoding but UTF-16."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace").replace("\r", "")
    return data[:_MAX_BYTES].decode("latin-1").replace("\r", "")
