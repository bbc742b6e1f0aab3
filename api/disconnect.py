"""Checks whether the client still waits for the answer."""

from collections.abc import Callable

from rest_framework.request import Request

from cv.serving.clients import Peekable, has_left
from cv.serving.gate import ClientGone


def check_of(request: Request) -> Callable[[], None]:
    """A check that raises ClientGone if the client has closed the connection; without gunicorn it never does."""
    connection: Peekable | None = request.META.get("gunicorn.socket")

    def check() -> None:
        if connection is not None and has_left(connection):
            raise ClientGone("the client closed the connection before the analysis started")

    return check
