"""The Celery app, for ``celery -A xcloud.celery worker``; ``manage.py run_worker`` starts the same worker."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xcloud.settings")

from cv.jobs.broker import celery_app

app = celery_app()
