"""The Django project: settings, routes and middleware."""

__version__ = "0.1.0"
