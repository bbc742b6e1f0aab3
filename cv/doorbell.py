"""Wakes the thread that delivers webhooks; the rows say what is due, this only that it is worth a look."""

import threading

_bell = threading.Event()


def ring() -> None:
    _bell.set()


def wait(seconds: float) -> None:
    """Until someone rings, or so many seconds."""
    _bell.wait(seconds)
    _bell.clear()
