"""How drf-spectacular describes the API: title, version, names of enumerations, and what /api/docs shows."""

from typing import Any, Final

from cv.engine.labels import CLASSES

SPECTACULAR: Final[dict[str, Any]] = {
    "TITLE": "XCloud",
    "DESCRIPTION": "Finds every face in a photo and estimates its age, gender, race, expression and beauty.",
    "VERSION": "1",
    # Since 3.1, schemas are plain JSON Schema.
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.topics.describe_topics",
        "api.problems.describe_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "WebhookEventEnum": "cv.choices.WebhookEvent",
        "JobStateEnum": "cv.choices.JobState",
        "ItemStateEnum": "cv.choices.ItemState",
        "DeliveryStateEnum": "cv.choices.DeliveryState",
        "PictureFormatEnum": ["jpeg", "png", "webp"],
        # Of answers, filters and corrections: GenderEnum, RaceEnum, ExpressionEnum.
        **{f"{attribute.capitalize()}Enum": list(labels) for attribute, labels in CLASSES.items()},
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # The name of an object of static/js/docs.js.
    "SWAGGER_UI_SETTINGS": "docsSettings",
}
