"""Settings of the example: one application, SQLite, and the secret of the webhooks."""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent

# What `wapi-media receiver add` or `webhook register` printed: whsec_… Without it, the view takes
# W-API's webhooks without a signature, as it did before, and no media events.
WAPI_MEDIA_SECRET = os.environ.get("WAPI_MEDIA_SECRET", "")

# A webhook has up to 6 MiB. Django refuses more than 2.5 MB by default.
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or get_random_secret_key()
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "127.0.0.1,localhost").split(",")
DEBUG = False
USE_TZ = True

INSTALLED_APPS = ["webhook"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", BASE_DIR / "receiver.sqlite3"),
        # Of two transactions at once, SQLite lets the second wait only if both say so first.
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 10},
    }
}
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
