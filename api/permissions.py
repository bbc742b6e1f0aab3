"""Who may use the API."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from cv.models import ApiKey

if TYPE_CHECKING:
    # DRF loads this file from its settings, while its views are still being imported.
    from rest_framework.views import APIView


class IsKnownCaller(BasePermission):
    """Anyone with an API key or a login. A key need not belong to a user."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.auth, ApiKey) or bool(request.user and request.user.is_authenticated)
