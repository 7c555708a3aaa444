"""Which values are secrets, by their name or by their shape."""

from __future__ import annotations

import pytest

from zemanta_ops.secrets.files.secret_names import is_secret

RANDOM = "x8Kd02mQ4vTz7Lp1Rw9Y"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "example"),
        ("DB_PASSWORD", "1234"),
        ("DJANGO_HASHID_SALT", "example"),
        ("PASSWORD_PEPPER", "example"),
        ("apiKey", "example"),
        ("DBPASS", "example"),
        ("PGPASSWORD", "example"),
        ("STRIPE_APIKEY", "example"),
        ("HTTP_AUTH", "user:example"),
        ("FTP_PWD", "example"),
        ("AWS_ACCESS_KEY_ID", "example"),
        ("JWT_PRIVATE_KEY_1", "example"),
        ("DATABASE_URL", "postgres://app:example@db/app"),
        ("DATABASE_URL", "postgres://app:p%40ss@db/app?sslmode=require"),
        ("CELERY_BROKER", "redis://:example@redis:6379/0"),
        ("REPORTING", "https://0123456789abcdef@sentry.example.org/1"),
        ("SLACK", "https://hooks.slack.com/services/T00000000/B00000000/" + RANDOM),
        ("ALERTS_WEBHOOK_URL", "https://chat.example.org/hook/a"),
        ("TEAMS_URL", f"https://example.webhook.office.com/webhookb2/{RANDOM}/IncomingWebhook"),
        ("PING", "https://hc-ping.example.org/5f0c3f0e-1111-4222-8333-944455556666"),
        ("FEED", f"https://example.org/feed?token={RANDOM}"),
        ("DEPLOY", "ghp_" + "a1B2" * 9),
        ("STORAGE", "DefaultEndpointsProtocol=https;AccountKey=" + "A1b2" * 20 + "=="),
        ("PEM", "-----BEGIN PRIVATE KEY-----"),
        ("MSSQL", "Server=db;User Id=sa;Password=example;"),
        ("ODBC", "DRIVER={x};UID=sa;PWD=example"),
        ("DATABASE", "host=db user=app password=example dbname=app"),
        ("JDBC", "jdbc:postgresql://db/app?user=app&password=example"),
        ("JDBC", "jdbc:sqlserver://db;user=sa;password=example"),
        ("MONGO", "mongodb+srv://app:example@a.example.org,b.example.org/app"),
        ("SERVICE", '{"user": "app", "client_secret": "example"}'),
        ("HEADER", "Bearer abcdefgh"),
        ("ZAP", "https://hooks.zapier.example/hooks/catch/123456/abcdef/"),
        ("CHAT", "https://chat.example.org/hooks/abcdefghijklmnopqrstuvwxyz"),
        ("ADMIN_URL", f"{RANDOM}/"),
        ("SEED", RANDOM),
        ("OLD_SECRET_KEY_1", "example"),
        ("USER_PIN", "1234"),
        ("VAPID_PUBLIC_AND_PRIVATE_KEY", "example"),
    ],
)
def test_secrets_are_found_by_name_and_by_value(name: str, value: str) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STATIC_URL", "/static/"),
        ("MEDIA_URL", "https://cdn.example.org/media/"),
        ("SITE_URL", "https://example.org"),
        ("MONKEY", "george"),
        ("KEYBOARD", "us"),
        ("DONKEYS", "2"),
        ("COMPASS", "north"),
        ("BYPASS_CACHE", "example"),
        ("AUTHOR", "Ann"),
        ("AUTH_USER_MODEL", "users.User"),
        ("PWD", "/srv/app"),
        ("PASSWORD_RESET_TIMEOUT", "259200"),
        ("PASSWORD_HASHERS", "argon2"),
        ("SECRET_KEY_FILE", "/run/secrets/key"),
        ("CACHE_KEY_PREFIX", "shop"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("TOKEN_URL", "https://id.example.org/token"),
        ("SESSION_TOKEN_ENABLED", "true"),
        ("DATABASE_URL", "postgres://db/app"),
        ("DATABASE_URL", "postgres://app@db/app"),
        ("REDIS_URL", "redis://redis:6379/0"),
        ("DATABASE_URL", "postgres://app:${DB_PASSWORD}@db/app"),
        ("DEBUG", "1"),
        ("IMAGE_TAG", "release-2026-11-28-0123456789"),
        ("BUCKET", "S3BucketNameForProduction"),
        ("FLAGS", "A_LONG_NAME_OF_2_OR_3_THINGS"),
        ("PASSWORD_HASHER", "argon2"),
        ("REQUIRE_AUTH", "true"),
        ("USE_TOKEN", "1"),
        ("VERIFY_SIGNATURE", "no"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_example"),
        ("VAPID_PUBLIC_KEY", "example"),
        ("SECRETS_REGION", "eu-west-1"),
        ("TOKEN_TYPE", "bearer"),
        ("DATABASE", "host=db user=app password=$PASSWORD"),
        ("ENDPOINT", "https://example.org/webhooks/stripe"),
        ("IMAGE", "https://cdn.example.org/5f0c3f0e-1111-4222-8333-944455556666.png"),
        ("GIT_SHA", "0123456789abcdef0123456789abcdef01234567"),
    ],
)
def test_what_is_not_a_secret_is_left(name: str, value: str) -> None:
    assert not is_secret(name, value)
