"""The Django project: settings, routes and middleware."""
