"""Endpoints that answer with a picture. Nothing is stored, not even the answer for an Idempotency-Key."""

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.request import Request

from api import schema
from api.authentication import caller_of
from api.disconnect import check_of
from api.inputs.pictures import PortraitInput, RedactionInput
from api.multipart import MultiPartParser
from api.sources import read_image, split_request
from api.views.base import JsonView, timing_header
from api.views.collections import own_collection
from cv.choices import Scope
from cv.engine.edits.types import EditedPicture
from cv.identity.errors import IdentityOff, NoFace
from cv.services.pictures import Spared, picture_redact
from cv.serving.engines import edited


class PortraitsView(JsonView):
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    scopes = {"POST": Scope.ANALYSE}

    @extend_schema(**schema.PORTRAIT_CREATE)
    def post(self, request: Request) -> HttpResponse:
        caller, parts = caller_of(request).account, split_request(request)
        given = PortraitInput(data=parts.fields)
        given.is_valid(raise_exception=True)
        received = read_image(parts, caller)
        picture = edited(received.data, given.portrait(), caller, check_of(request))
        return picture_answer(picture, {})


class RedactionsView(JsonView):
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    scopes = {"POST": Scope.ANALYSE}

    @extend_schema(**schema.REDACTION_CREATE)
    def post(self, request: Request) -> HttpResponse:
        caller, parts = caller_of(request), split_request(request)
        given = RedactionInput(data=parts.fields)
        given.is_valid(raise_exception=True)
        redaction, spared = given.redaction(), spared_people(request, given)
        received = read_image(parts, caller.account)
        picture = picture_redact(received.data, redaction, caller, check_of(request), spared)
        if not picture.found:
            raise NoFace("no face was found in this image", "image")
        missing = sorted(index for index in redaction.faces or () if index >= picture.found)
        if missing:
            raise NoFace(f"this image has no face with the index {missing[0]}; it has {picture.found}", "faces")
        headers = {"X-Faces-Found": str(picture.found), "X-Faces-Covered": str(picture.edited)}
        return picture_answer(picture, headers)


def spared_people(request: Request, given: RedactionInput) -> Spared | None:
    """Raises IdentityOff, PermissionDenied, NotFound."""
    if (collection_id := given.validated_data.get("except_collection")) is None:
        return None
    if not settings.XCLOUD_IDENTITY:
        raise IdentityOff
    if Scope.IDENTIFY not in caller_of(request).scopes:
        raise PermissionDenied(f"except_collection: this key or login lacks the scope `{Scope.IDENTIFY}`")
    return Spared(own_collection(request, collection_id), given.validated_data["fmr"])


def picture_answer(picture: EditedPicture, headers: dict[str, str]) -> HttpResponse:
    timed = {"Server-Timing": timing_header(picture.timing_ms)}
    return HttpResponse(picture.data, content_type=f"image/{picture.format}", headers={**headers, **timed})
