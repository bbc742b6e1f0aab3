"""The WSGI entry point that gunicorn serves."""

import gc
import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xcloud.settings")
application = get_wsgi_application()

from django.conf import settings  # noqa: E402 -- after Django is set up

from cv.serving.engines import start_engines  # noqa: E402
from cv.workers import deliveries, embedded, tidying  # noqa: E402

start_engines()
# Imports all views now, so that the first request does not wait seconds for them.
import_module(settings.ROOT_URLCONF)
deliveries.start_thread()
embedded.start_thread()
tidying.start_thread()

# Everything loaded so far stays in memory: the collector skips it, and runs less often.
gc.freeze()
gc.set_threshold(50_000, 20, 20)
