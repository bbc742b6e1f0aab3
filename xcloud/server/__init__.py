"""The project's worker for gunicorn: one loop waits for slow clients, threads get only whole requests."""
