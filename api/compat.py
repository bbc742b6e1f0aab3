"""The first XCloud's ``POST /cv/fbp``, for clients that have not moved over yet: its fields, its answer, no key.

``image`` is a file, base64 text or an address. Nothing is stored. Unlike in the first one, failures are not HTTP 200;
that there is no face is an answer.
"""

import time
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from api.disconnect import check_of
from api.exceptions import exception_handler
from api.multipart import MultiPartParser
from api.sources import read_image, split_request
from api.views.base import JsonView, model_headers
from cv.engine.labels import BEAUTY_SCALE, Attribute
from cv.engine.types import LANDMARKS, AnalysisOptions, AnalysisResult, Estimate, FaceResult
from cv.serving.engines import analyzed
from cv.serving.outputs import served_outputs
from telemetry.proxy import client_address

SUCCESS, NO_IMAGE, WRONG_METHOD, NO_FACE, FAILURE = range(5)
# The first XCloud's net was trained on SCUT-FBP5500, whose ratings go from 1 to 5.
FIRST_SCALE = (1.0, 5.0)


class FbpView(JsonView):
    schema = None
    authentication_classes = []
    permission_classes = []
    parser_classes = [MultiPartParser, FormParser, JSONParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.started = time.perf_counter()
        super().initial(request, *args, **kwargs)

    def post(self, request: Request) -> Response:
        body = request.data
        image = body.get("image") if hasattr(body, "get") else None
        if not image:
            return self.answer(NO_IMAGE, "Invalid Path for Face Image", status=400)
        parts = split_request(request)
        if isinstance(parts.image, str) and parts.image[:8].lower().startswith(("http://", "https://")):
            parts = replace(parts, image=None, url=parts.image)
        options = AnalysisOptions(attributes=served_outputs() & {Attribute.BEAUTY}, max_faces=1)
        caller = f"address:{client_address(request)}"
        result = analyzed(read_image(parts, caller).data, options, caller, check_of(request))
        if not result.faces:
            return self.answer(NO_FACE, "None face is detected")
        return self.answer(SUCCESS, "success", described(result.faces[0]), result=result)

    def answer(
        self, code: int, message: str, data: Any = None, status: int = 200, result: AnalysisResult | None = None
    ) -> Response:
        body = {"code": code, "msg": message, "data": data, "elapse": round(time.perf_counter() - self.started, 2)}
        return Response(body, status=status, headers=model_headers(result) if result else None)

    def handle_exception(self, exc: Exception) -> Response:
        """Answers in the first XCloud's format, with the API's status and message."""
        response = exception_handler(exc, {})
        code = WRONG_METHOD if response.status_code == 405 else FAILURE
        message = "Invalid HTTP Method" if code == WRONG_METHOD else response.data["error"]["message"]
        response.data = self.answer(code, message).data
        return response


def described(face: FaceResult) -> dict[str, Any]:
    """A face in the first XCloud's format: beauty from 1 to 5, and the detector's result."""
    box, beauty = face.box, face.attributes.get(Attribute.BEAUTY)
    keypoints = {name: [round(x), round(y)] for name, (x, y) in zip(LANDMARKS, face.landmarks, strict=True)}
    return {
        # Uploads are not kept, so there is no file to link to.
        "imgpath": "",
        "beauty": first_scale(beauty.value) if isinstance(beauty, Estimate) else None,
        "detection": {
            "box": [round(box.x), round(box.y), round(box.width), round(box.height)],
            "confidence": face.confidence,
            "keypoints": keypoints,
        },
    }


def first_scale(beauty: float) -> float:
    low, high = FIRST_SCALE
    share = (beauty - BEAUTY_SCALE[0]) / (BEAUTY_SCALE[1] - BEAUTY_SCALE[0])
    return round(low + share * (high - low), 2)


_view = FbpView.as_view()


@csrf_exempt
def fbp(request: HttpRequest) -> HttpResponseBase:
    """Raises Http404 unless the settings enable it."""
    if not settings.XCLOUD_COMPAT_ROUTE:
        raise Http404
    return _view(request)
