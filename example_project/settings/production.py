"""Production: only a process that may use the KMS key reads these. A real site commits such a file unchanged."""

from example_project.settings.base import *
from zemanta_ops.secrets import Secret, decrypt_settings

ALLOWED_HOSTS = ["shop.example.org"]
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
CSRF_COOKIE_SECURE = True

SECRET_KEY = Secret("kms:region=eu-west-1:AQICAHhleGFtcGxlLXNpZ25pbmcta2V5LW9mLXRoZS1wcmludC1zaG9w")
NEWSLETTER_API_KEY = Secret("kms:region=eu-west-1:AQICAHhleGFtcGxlLW1haWw=")
DATABASES["default"]["PASSWORD"] = Secret("kms:region=eu-west-1:AQICAHhleGFtcGxlLWRhdGFiYXNl")
PAYMENT["gateways"][0]["credential"] = Secret("kms:region=eu-west-1:AQICAHhleGFtcGxlLWNhcmQtZ2F0ZXdheQ==")
PAYMENT["gateways"][1]["credential"] = Secret("kms:region=eu-west-1:AQICAHhleGFtcGxlLWludm9pY2UtZ2F0ZXdheQ==")

ZEMANTA_OPS["INFLUXDB"] = {
    "URL": "https://influxdb.example.org:8086",
    "DATABASE": "telegraf",
    "USERNAME": "print-shop",
    "PASSWORD": Secret("kms:region=eu-west-1:AQICAHhleGFtcGxlLWluZmx1eGRi"),
}
ZEMANTA_OPS["METRICS"]["TAGS"]["env"] = "production"

decrypt_settings(globals())
