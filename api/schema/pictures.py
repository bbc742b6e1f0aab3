"""The schema of pictures that go out."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from api.inputs.pictures import PortraitInput, RedactionInput
from api.schema.collections import SEARCHED, with_image
from api.schema.examples import PORTRAIT
from api.schema.parts import IMAGE, REQUEST_ID, errors, sent


def _header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, int, OpenApiParameter.HEADER, response=True, description=description)


PORTRAIT_CREATE: Final[dict[str, Any]] = {
    "operation_id": "portrait_create",
    "summary": "Get an image with another background behind its people",
    "description": "Everybody in the image stays sharp; what is behind them is out of focus, one colour, or nothing. "
    "The answer is the image at full size, upright and without metadata. A photo without people is a 422 "
    "`no_person`. Animals and what people hold may count as people. Nothing is stored. Scope `analyse`.",
    "parameters": [REQUEST_ID],
    "request": with_image(PortraitInput),
    "responses": {
        (200, "image/*"): OpenApiResponse(OpenApiTypes.BINARY, description="The image: JPEG, PNG or WebP."),
        **errors("no_person", "format_unavailable", *IMAGE),
    },
    "examples": [
        sent("A background out of focus", {"image": PORTRAIT, "strength": 70}),
        sent("An identity photo", {"image": PORTRAIT, "background": "colour", "colour": "#f2f4f5"}),
        sent("Nothing behind", {"image": PORTRAIT, "background": "transparent", "format": "png"}),
    ],
}
REDACTION_CREATE: Final[dict[str, Any]] = {
    "operation_id": "redaction_create",
    "summary": "Get an image with its faces hidden",
    "description": "All faces, those in `faces`, or everybody but the people of `except_collection`, who are left "
    "visible only if they are recognised: bad photos and children are hidden. The answer is the image at full size, "
    "upright and without metadata. A face that was not found is not hidden: look at the answer before you publish it. "
    "An image without faces is a 422 `no_face`. Nothing is stored. Scope `analyse`.",
    "parameters": [
        _header("X-Faces-Found", "The number of faces in the image."),
        _header("X-Faces-Covered", "How many of them are hidden."),
    ],
    "request": with_image(RedactionInput),
    "responses": {
        (200, "image/*"): OpenApiResponse(OpenApiTypes.BINARY, description="The image: JPEG, PNG or WebP."),
        **errors("no_face", "format_unavailable", "empty_collection", *SEARCHED, *IMAGE),
    },
    "examples": [
        sent("Every face blurred", {"image": PORTRAIT}),
        sent("Two faces under bars", {"image": PORTRAIT, "cover": "bar", "colour": "#1e90ff", "faces": [0, 2]}),
        sent(
            "Everybody but the staff",
            {"image": PORTRAIT, "cover": "pixelate", "except_collection": "0f9a2c9e-3c1a-4b0e-9a51-6f3c0d6f2b11"},
        ),
    ],
}
