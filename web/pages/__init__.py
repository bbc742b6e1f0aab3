"""The pages. Each is a template around the JSON API, which the browser calls with the visitor's session."""
