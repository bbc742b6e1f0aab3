"""Finds this machine's Chromium: Playwright uses the distribution's, and downloads none."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The path of the first Chromium that is found."""
    return next(filter(None, map(shutil.which, NAMES)), None)
