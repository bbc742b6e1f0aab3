"""The Django project: settings, routes, and what wraps every request."""
