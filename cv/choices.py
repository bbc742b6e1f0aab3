"""What the text columns may hold. Labels come from the engine, so that there is one list of each."""

from enum import StrEnum

from django.db import models

from cv.engine.labels import Expression, Gender, Race


class Source(models.TextChoices):
    """How the image came in."""

    UPLOAD = "upload", "Upload"
    BASE64 = "base64", "Base64"
    URL = "url", "URL"


def from_labels(labels: type[StrEnum]) -> list[tuple[str, str]]:
    """The choices of a column that holds one of the engine's labels."""
    return [(label.value, label.value.capitalize()) for label in labels]


GENDERS = from_labels(Gender)
RACES = from_labels(Race)
EXPRESSIONS = from_labels(Expression)
