"""Who sends a request: ``Authorization: Bearer KEY``, or a browser's session (DRF's, which checks CSRF)."""

from django.contrib.auth.models import AnonymousUser, User
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from cv.models import ApiKey
from cv.selectors import api_key_usable
from cv.services import api_key_touch
from cv.trust.caller import Caller


class ApiKeyAuthentication(BaseAuthentication):
    """First in the list, so that a 401 has its ``WWW-Authenticate`` header."""

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, ApiKey] | None:
        scheme, _, key = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        row = api_key_usable(key.strip().decode("latin-1"))
        if row is None:
            # The same answer for unknown, wrong, revoked and expired keys, so that guesses reveal nothing.
            raise AuthenticationFailed("Authorization: the API key is not valid")
        api_key_touch(row)
        return row.user or AnonymousUser(), row

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="XCloud"'


def caller_of(request: Request) -> Caller:
    """The caller of a request that ``IsKnownCaller`` let in."""
    return Caller(
        user=request.user if isinstance(request.user, User) else None,
        api_key=request.auth if isinstance(request.auth, ApiKey) else None,
    )
