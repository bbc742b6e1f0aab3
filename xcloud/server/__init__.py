"""The web server's own part of gunicorn: slow clients are waited for in one loop, threads see whole requests."""
