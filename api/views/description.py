"""The API's OpenAPI schema, generated once, because it takes a second of a core and is public."""

import threading
from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

# By media type. The generator must not run in two threads at once: the second would find it half set up and fail.
_RENDERED: Final[dict[str, str | bytes]] = {}
_LOCK: Final = threading.Lock()


class DescriptionView(SpectacularAPIView):
    """As YAML or JSON; the same for everyone."""

    # The schema does not describe this view.
    schema = None

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer = request.accepted_renderer
        with _LOCK:
            if renderer.media_type not in _RENDERED:
                answer: Any = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
                _RENDERED[renderer.media_type] = renderer.render(answer.data, renderer.media_type, {})
        headers = {"Content-Disposition": f'inline; filename="XCloud.{renderer.format}"'}
        return HttpResponse(_RENDERED[renderer.media_type], content_type=renderer.media_type, headers=headers)
