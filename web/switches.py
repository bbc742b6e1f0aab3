"""What the operator has turned on, for every template."""

from django.conf import settings
from django.http import HttpRequest


def switches(request: HttpRequest) -> dict[str, bool]:
    """``identity``: whether faces may be compared."""
    return {"identity": settings.XCLOUD_IDENTITY}
