"""Where this machine has Chromium: the tests drive the distribution's, Playwright downloads none."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The path of the first one found."""
    return next(filter(None, map(shutil.which, NAMES)), None)
