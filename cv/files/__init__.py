"""Stores kept files: on disk or in a bucket, and how they are served and deleted."""
