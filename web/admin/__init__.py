"""The admin: lists, details, actions and the dashboard. Rows are shown, not edited: only services write."""

from web.admin import accounts, analyses, collections, enrolled, faces, jobs, keys, records

__all__ = ["accounts", "analyses", "collections", "enrolled", "faces", "jobs", "keys", "records"]
