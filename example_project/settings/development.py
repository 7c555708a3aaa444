"""A developer's machine: ``plain`` tokens, which are readable and therefore worth nothing to a thief."""

from example_project.settings.base import *
from zemanta_ops.secrets import Secret, decrypt_settings

DEBUG = True
SECRET_KEY = Secret("plain::development-only-signing-key-of-the-print-shop")
NEWSLETTER_API_KEY = Secret("plain::development-only-newsletter")
DATABASES["default"]["PASSWORD"] = Secret("plain::development-only-database")
PAYMENT["gateways"][0]["credential"] = Secret("plain::development-only-card-gateway")
PAYMENT["gateways"][1]["credential"] = Secret("plain::development-only-invoice-gateway")

decrypt_settings(globals())
