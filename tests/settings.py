"""Django settings of the test suite itself; the example project has its own."""

from example_project.settings import base

SECRET_KEY = "tests-only-not-a-secret"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "rest_framework",
    "zemanta_ops",
    "example_project.shop",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
ALLOWED_HOSTS = ["*"]
USE_TZ = True
# The admin is here for the names of its views; nobody logs in.
SILENCED_SYSTEM_CHECKS = [f"admin.{check}" for check in ("E402", "E404", "E408", "E409", "E410", "W411")]
ROOT_URLCONF = "tests.metrics.site"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

# The shop reads these.
PAYMENT = base.PAYMENT
SERVE_STATIC = base.SERVE_STATIC
SHOP_URL = base.SHOP_URL
