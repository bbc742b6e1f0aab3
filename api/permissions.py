"""Who may use the API, and for what."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from cv.choices import Scope
from cv.models import ApiKey
from cv.trust.caller import Caller

if TYPE_CHECKING:
    # DRF imports this file from its settings while its own views are still being imported.
    from rest_framework.views import APIView


class MayDoThis(BasePermission):
    """Anyone with an API key or a login, who has the scope that the view names for the method."""

    message = "your key or login does not allow this"

    def has_permission(self, request: Request, view: "APIView") -> bool:
        key = request.auth if isinstance(request.auth, ApiKey) else None
        user = request.user if request.user and request.user.is_authenticated else None
        if key is None and user is None:
            return False
        needed: Scope | None = getattr(view, "scopes", {}).get(_read_as(request.method))
        if needed is None or needed in Caller(user=user, api_key=key).scopes:
            return True
        whose = "this API key" if key else "this login"
        self.message = f"{whose} lacks the scope `{needed}`"
        return False


def _read_as(method: str | None) -> str:
    return "GET" if method == "HEAD" else str(method)
