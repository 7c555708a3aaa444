"""Credentials of well-known services are recognized by their shape, and placeholders and tokens are not."""

from __future__ import annotations

import pytest

from zemanta_ops.secrets.files.credentials import find_credentials, find_new_credentials

# Put together here, so that no scanner takes this file for one with credentials.
EXAMPLES = {
    "a private key of age": "AGE-SECRET-KEY-1" + "EXAMPLE" * 8 + "QQ",
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "an access key of AWS": "AKIA" + "IOSFODNN7EXAMPLE",
    "a secret access key of AWS": "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
    "a token of GitHub": "ghp_" + "Example0" * 4 + "abcd",
    "a token of GitLab": "glpat-" + "Example0" * 3,
    "a token of Slack": "xoxb-" + "123456789012-" + "Example0" * 3,
    "a webhook of Slack": "https://hooks.slack.com/" + "services/T00000000/B00000000/" + "X" * 24,
    "a webhook of Discord": "https://discord.com/api/" + "webhooks/123456/" + "Example0" * 4,
    "a key of Stripe": "sk_live_" + "Example0" * 3,
    "a key of Google": "AIza" + "Example" * 5,
    "a key of Azure Storage": "AccountKey=" + "Example0" * 10 + "Exampl==",
    "a key of SendGrid": "SG." + "Example0" * 3 + "." + "Example0" * 5,
    "a key of Mailgun": "key-" + "0123456789abcdef" * 2,
    "a key of Twilio": "SK" + "0123456789abcdef" * 2,
    "a token of Telegram": "1234567890:AA" + "Example0" * 4 + "a",
    "a token of PyPI": "pypi-AgE" + "Example0" * 6,
    "a token of npm": "npm_" + "Example0" * 4 + "abcd",
    "a token of Vault": "hvs." + "Example0" * 4,
    "a key of OpenAI or Anthropic": "sk-ant-" + "Example0" * 5,
    "a token of Hugging Face": "hf_" + "Example0" * 4,
    "a token of DigitalOcean": "dop_v1_" + "0123456789abcdef" * 4,
    "a token of Shopify": "shpat_" + "0123456789abcdef" * 2,
    "a token of Sentry": "sntrys_" + "Example0" * 5,
    "a JSON web token": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJleGFtcGxlIn0." + "Example0Example0",
    "a password in a URL": "postgres://" + "app:hunter2@db/shop",
}
MORE = {
    "a private key of age": ["AGE-SECRET-KEY-PQ-1" + "EXAMPLE" * 8 + "QQ", "age-secret-key-1" + "example" * 8 + "qq"],
    "a private key": [
        f"-----BEGIN {kind}PRIVATE KEY{end}-----"
        for kind, end in [("", ""), ("EC ", ""), ("OPENSSH ", ""), ("ENCRYPTED ", ""), ("PGP ", " BLOCK")]
    ]
    + ['{"private_key": "-----BEGIN ' + 'PRIVATE KEY-----\\nMII"}'],
    "an access key of AWS": ["ASIA" + "IOSFODNN7EXAMPLE"],
    "a secret access key of AWS": ['"AWS_SECRET_ACCESS_KEY": "' + "wJalrXUtnFEMI/K7MDENG/" + 'bPxRfiCYEXAMPLEKEY"'],
    "a token of GitHub": ["github_pat_" + "Example0" * 5, "ghs_" + "Example0" * 5],
    "a key of Stripe": ["rk_live_" + "Example0" * 3, "sk_test_" + "Example0" * 3],
    "a password in a URL": [
        "redis://" + ":hunter2@cache:6379/0",
        "https://" + "user:hun%40ter2@example.com/x.git",
        "amqps://" + "app:p:w@mq/vhost",
        "mongodb+srv://" + "app:hunter2@cluster0.example.net",
        "postgres://" + "app:${PW}hunter2@db/shop",
    ],
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_each_shape_is_found_wherever_it_is(kind: str) -> None:
    for example in [EXAMPLES[kind], *MORE.get(kind, [])]:
        for text in (
            example,
            f'KEY = "{example}"',
            f"x: {example} # tail",
            f"<a>{example}</a>",
            f"export K='{example}'",
        ):
            assert list(find_credentials(text)) == [kind], text


@pytest.mark.parametrize(
    "text",
    [
        "postgres://" + "app:${PASSWORD}@db/shop",
        "postgres://" + "app:$PASSWORD@db/shop",
        "postgres://" + "{user}:{password}@{host}/shop",
        "postgres://" + "%s:%s@%s/shop",
        "postgres://" + "user:password@host/name",
        "postgres://" + "user:***@host/name",
        "postgres://" + "build:build@localhost/build",
        "postgres://" + "user:<password>@host/name",
        "https://example.com:8080/@user",
        "https://user@example.com/x:y@z",
        "redis://:{}@host/0",
        "git@github.com:owner/name.git",
        "sk_live_",
        "AKIA",
        "eyJhbGciOiJIUzI1NiJ9",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "age1example" + "q" * 50,
        "kms:region=eu-west-1:AKIA" + "IOSFODNN7EXAMPLE",
        "sealed:v=1&key=0123456789abcdef:" + "AKIA" + "IOSFODNN7EXAMPLE" + "QUJD" * 9,
        "vault:key=app:vault:v1:" + "QUJDREVGR0g=",
        "data:image/png;base64,iVBORw0KGgo",
        "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
    ],
)
def test_placeholders_and_tokens_are_not_credentials(text: str) -> None:
    assert list(find_credentials(text)) == []


def test_only_new_lines_count_in_any_encoding() -> None:
    example = EXAMPLES["a token of npm"]
    assert list(find_new_credentials(f"a\n{example}\n".encode(), b"")) == [(2, "a token of npm")]
    assert list(find_new_credentials(f"a\r\n{example}\r\n".encode(), f"{example}\n".encode())) == []
    assert list(find_new_credentials(f"a\n{example}\n".encode("utf-16"), b"")) == [(2, "a token of npm")]
    assert list(find_new_credentials(b"\xff\0" + example.encode(), b"")) == [(1, "a token of npm")]
