"""The WSGI entry point that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xcloud.settings")
application = get_wsgi_application()

from cv.webhook_sender import start_thread  # noqa: E402 -- after Django is set up

start_thread()
