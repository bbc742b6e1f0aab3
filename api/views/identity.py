"""Who is it: comparisons of faces, and their vectors. Nothing is stored but the line in the audit log."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.disconnect import check_of
from api.inputs import ComparisonInput, EmbeddingInput, comparison_fields
from api.multipart import MultiPartParser
from api.serializers import ComparisonSerializer, EmbeddingsSerializer, IdentitySerializer
from api.sources import Parts, body_of, read_image, split_request
from api.views.analyses import own_analysis
from api.views.base import JsonView
from cv.choices import AuditAction, Scope
from cv.engine.errors import EngineError
from cv.engine.odds import FALSE_MATCH_RATES
from cv.engine.outputs import EMBEDDING
from cv.engine.types import FaceResult, ImageInfo
from cv.files.pictures import kept_picture
from cv.identity.comparison import Threshold, compare_faces
from cv.identity.errors import IdentityOff, IdentityRefused, NoFace, OtherModel
from cv.identity.faces import IdentifiedFace, identify_faces
from cv.identity.odds import identity_model, served_odds
from cv.outbound.fetch import FetchError
from cv.search.base import Vectors
from cv.services import audit_note


class IdentityView(JsonView):
    """Refuses everything while the operator has not turned identity on."""

    def check_permissions(self, request: Request) -> None:
        if not settings.XCLOUD_IDENTITY and (request.auth or request.user.is_authenticated):
            raise IdentityOff
        super().check_permissions(request)


class AboutIdentityView(JsonView):
    @extend_schema(**schema.IDENTITY_READ)
    def get(self, request: Request) -> Response:
        if not settings.XCLOUD_IDENTITY:
            off = dict.fromkeys(("purpose", "legal_basis", "model", "thresholds"))
            return Response(IdentitySerializer({"on": False, **off}).data)
        odds = served_odds()
        about = {
            "on": True,
            "purpose": settings.XCLOUD_IDENTITY_PURPOSE,
            "legal_basis": settings.XCLOUD_IDENTITY_LEGAL_BASIS,
            "model": identity_model().card,
            "thresholds": [Threshold(rate, odds.threshold(rate)) for rate in FALSE_MATCH_RATES],
        }
        return Response(IdentitySerializer(about).data)


class EmbeddingsView(IdentityView):
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    scopes = {"POST": Scope.IDENTIFY}

    @extend_schema(**schema.EMBEDDING_CREATE)
    def post(self, request: Request) -> Response:
        caller = caller_of(request)
        parts = split_request(request)
        given = EmbeddingInput(data=parts.fields)
        given.is_valid(raise_exception=True)
        data = read_image(parts, caller.account).data
        with errors_about("image"):
            result, faces = identify_faces(data, caller.account, check_of(request), **given.validated_data)
        audit_note(caller, AuditAction.EMBEDDING_CREATE, count=len(faces))
        answer = {
            "image": result.image,
            "faces": _all_shown(faces),
            "model": identity_model().card,
            "timing_ms": result.timing_ms,
        }
        return Response(EmbeddingsSerializer(answer).data)


@dataclass(frozen=True, slots=True)
class Side:
    """The faces of one side of a comparison; ``image`` is None if a vector was sent."""

    faces: list[IdentifiedFace]
    image: ImageInfo | None = None
    named: list[str] = field(default_factory=list)


class ComparisonsView(IdentityView):
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    scopes = {"POST": Scope.IDENTIFY}

    @extend_schema(**schema.COMPARISON_CREATE)
    def post(self, request: Request) -> Response:
        given = ComparisonInput(data=comparison_fields(body_of(request)))
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        first, second = (self.side(request, name, wanted[name], wanted) for name in ("first", "second"))
        odds = served_odds()
        threshold, pairs = compare_faces(first.faces, second.faces, odds, wanted["fmr"], wanted["prior"])
        audit_note(caller_of(request), AuditAction.COMPARISON_CREATE, [*first.named, *second.named], len(pairs))
        answer = {
            "threshold": threshold,
            "prior": wanted["prior"],
            **{name: _side_shown(side) for name, side in (("first", first), ("second", second))},
            "pairs": pairs,
            "model": identity_model().card,
        }
        return Response(ComparisonSerializer(answer).data)

    def side(self, request: Request, name: str, source: dict[str, Any], wanted: dict[str, Any]) -> Side:
        """One side's faces. Raises IdentityRefused, ValidationError, EngineError and FetchError, which name the side,
        and NotFound."""
        with errors_about(name):
            if "embedding" in source:
                return Side([IdentifiedFace(_unit_vector(source["embedding"], source["model"]))])
            caller = caller_of(request)
            named = []
            min_face_px = {key: wanted[key] for key in ("min_face_px",) if key in wanted}
            if "analysis" in source:
                analysis = own_analysis(request, source["analysis"])
                data = kept_picture(analysis)
                if data is None:
                    raise ValidationError({"analysis": ["this analysis has no kept picture; `store.image` keeps it"]})
                named, min_face_px = [str(analysis.pk)], {"min_face_px": analysis.min_face_px}
            else:
                data = read_image(Parts(source.get("image"), source.get("url"), {}), caller.account).data
            result, faces = identify_faces(data, caller.account, check_of(request), **min_face_px)
            if "face" in source:
                faces = [face for face in faces if face.index == source["face"]]
                if not faces:
                    raise NoFace(f"this image has no face with the index {source['face']}")
            return Side(faces, result.image, named)


@contextlib.contextmanager
def errors_about(name: str) -> Iterator[None]:
    """Lets the errors of one image name its field."""
    try:
        yield
    except ValidationError as error:
        raise ValidationError({name: error.detail}) from None
    except (EngineError, FetchError, IdentityRefused) as error:
        error.field = name  # type: ignore[union-attr]
        raise


def _unit_vector(vector: Vectors, model: str) -> tuple[float, ...]:
    """Raises OtherModel unless this vector, float32 (D,), is of the model in service."""
    served = identity_model()
    if model != served.card.sha256 or len(vector) != served.heads[EMBEDDING.name]:
        raise OtherModel(f"this vector is of another model than the one in service, {served.card.sha256}")
    return tuple(vector.tolist())


def _shown(face: FaceResult, identity: IdentifiedFace) -> dict[str, Any]:
    return {
        "index": face.index,
        "box": face.box,
        "confidence": face.confidence,
        "landmarks": face.landmarks,
        "quality": face.quality,
        "doubts": identity.doubts,
        "embedding": identity.vector,
    }


def _all_shown(faces: list[IdentifiedFace]) -> list[dict[str, Any]]:
    """The faces that came with a picture."""
    return [_shown(face.face, face) for face in faces if face.face is not None]


def _side_shown(side: Side) -> dict[str, Any]:
    return {"image": side.image, "faces": None if side.image is None else _all_shown(side.faces)}
