"""Limits password guessing: the answer to a locked-out log-in, and log-ins per address and per server."""

import threading
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cv.serving.shares import Shares
from cv.trust.rates import count_this_minute, household, seconds_left
from telemetry.proxy import client_address

# Checking a password takes a third of a second on purpose; the other cores stay free for logged-in users.
_CHECKING: Final = threading.Lock()
# Each log-in that waits holds a thread: only a few may wait, and fewer from one address.
_WAITING: Final = Shares(8, of_one=4)


def locked_out(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """The answer to a locked-out log-in; the same for names that exist and names that do not."""
    wait = int(settings.AXES_COOLOFF_TIME.total_seconds())
    return _refusal(f"Too many wrong passwords. Try again in {wait // 60} minutes.\n", wait)


class LoginRateMiddleware:
    """Limits log-ins from one address, right or wrong, per minute and at once, before a password is checked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.forms = frozenset({reverse("login"), reverse("admin:login")})
        self.sign_on = reverse("sign-on")
        # It follows a counted one, and waits for the provider, too.
        self.sign_on_return = reverse("sign-on-return")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_counted = request.path == self.sign_on or (request.method == "POST" and request.path in self.forms)
        if is_counted or request.path == self.sign_on_return:
            address = household(client_address(request))
            if is_counted and count_this_minute(f"login:{address}") > settings.XCLOUD_LOGIN_RATE:
                return _refusal("Too many log-ins from this address. Try again in a minute.\n", seconds_left())
            if not _WAITING.take(address):
                return _refusal("Too many log-ins at this moment. Try again.\n", 2)
            try:
                return self.get_response(request)
            finally:
                _WAITING.give_back(address)
        return self.get_response(request)


class OneAtATimeBackend(ModelBackend):
    """Django's backend, but checks one password at a time."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        with _CHECKING:
            return super().authenticate(request, username, password, **kwargs)


def _refusal(text: str, wait_s: int) -> HttpResponse:
    headers = {"Retry-After": str(wait_s)}
    return HttpResponse(text, status=429, content_type="text/plain; charset=utf-8", headers=headers)
