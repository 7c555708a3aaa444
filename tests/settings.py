"""Django settings of the test suite itself; the example project has its own."""

from example_project.settings import base

SECRET_KEY = "tests-only-not-a-secret"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "zemanta_ops", "example_project.shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
ALLOWED_HOSTS = ["*"]
USE_TZ = True

# The shop reads these.
PAYMENT = base.PAYMENT
SERVE_STATIC = base.SERVE_STATIC
SHOP_URL = base.SHOP_URL
