"""The pages. Each is a template around the JSON API, which the browser asks with the session of the visitor."""
