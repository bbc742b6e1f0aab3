"""Filters analyses by the answers of a single face, without a join over all faces."""

from typing import Any, Final
from uuid import UUID

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cv.abstention import sure, unsure
from cv.choices import EXPRESSIONS, GENDERS, RACES
from cv.engine.labels import Attribute
from cv.models import Analysis, ApiKey, Face
from cv.statistics import model_versions
from web.words import ATTRIBUTES, LABELS

Bounds = dict[str, dict[str, Any]]

UNSURE_PARAMETER: Final = "unsure"

AGES: Bounds = {f"{low}–{low + 9}": {"age__gte": low, "age__lt": low + 10} for low in range(0, 90, 10)} | {
    "90+": {"age__gte": 90}
}
BEAUTIES: Bounds = {f"{low}–{low + 1}": {"beauty__gte": low, "beauty__lt": low + 1} for low in range(1, 9)} | {
    "9–10": {"beauty__gte": 9}
}
QUALITIES: Bounds = {
    "good": {"quality_score__gte": 0.6},
    "poor": {"quality_score__lt": 0.6},
}
# What the filters call the choices above, and labels.
WORDS: Final = {**LABELS, **ATTRIBUTES, "good": _("Good (0.6 and better)"), "poor": _("Poor (below 0.6)")}


def named(term: str, prefix: str = "") -> Q:
    """Finds a whole subject, id or fingerprint; a search for parts would read the whole table."""
    found = Q(**{f"{prefix}subject": term}) | Q(**{f"{prefix}image_sha256": term.lower()})
    try:
        return found | Q(**{f"{prefix}pk": UUID(term)})
    except ValueError:
        return found


class FaceFilter(SimpleListFilter):
    """One condition on faces; ``of_face`` says which.

    A face whose answer abstained has no known label or value, so it is not among those of a label unless the filter of
    unsure faces asks for it.
    """

    of_face: dict[str, dict[str, Any]] = {}
    attribute: Attribute | None = None

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [(name, str(WORDS.get(name, name))) for name in self.of_face]

    def condition(self, request: HttpRequest) -> Q | None:
        """None if no existing choice was made."""
        chosen = self.of_face.get(self.value() or "")
        if chosen is None:
            return None
        if self.attribute is None or request.GET.get(UNSURE_PARAMETER) == self.attribute:
            return Q(**chosen)
        return Q(**chosen) & sure(self.attribute)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if (condition := self.condition(request)) is None:
            return queryset
        if queryset.model is Face:
            return queryset.filter(condition)
        # All chosen conditions must hold for the same face, so each filter repeats those before it.
        together = getattr(request, "of_face", Q()) & condition
        request.of_face = together  # type: ignore[attr-defined]
        return queryset.filter(Exists(Face.objects.filter(together, analysis=OuterRef("pk"))))


class UnsureFilter(FaceFilter):
    """Faces that a person should check."""

    title = _("unsure of")
    parameter_name = UNSURE_PARAMETER
    of_face = {attribute.value: {} for attribute in Attribute}

    def condition(self, request: HttpRequest) -> Q | None:
        chosen = self.value() or ""
        return unsure(Attribute(chosen)) if chosen in self.of_face else None


def face_filter(
    name: str, title_: object, of_face_: dict[str, dict[str, Any]], attribute_: Attribute | None = None
) -> type[FaceFilter]:
    return type(f"{name.capitalize()}Filter", (FaceFilter,), {
        "title": title_, "parameter_name": name, "of_face": of_face_, "attribute": attribute_, "__module__": __name__,
    })  # fmt: skip


def label_filter(attribute: Attribute, labels: list[tuple[str, str]]) -> type[FaceFilter]:
    name = attribute.value
    return face_filter(name, ATTRIBUTES[name], {label: {name: label} for label, _ in labels}, attribute)


FACE_FILTERS = (
    label_filter(Attribute.GENDER, GENDERS),
    label_filter(Attribute.RACE, RACES),
    label_filter(Attribute.EXPRESSION, EXPRESSIONS),
    face_filter("ages", ATTRIBUTES["age"], AGES, Attribute.AGE),
    face_filter("beauties", ATTRIBUTES["beauty"], BEAUTIES, Attribute.BEAUTY),
    face_filter("quality", _("quality"), QUALITIES),
    UnsureFilter,
)


class KeptFilter(SimpleListFilter):
    title = _("picture")
    parameter_name = "kept"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [("yes", gettext("Kept")), ("no", gettext("Not kept"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> QuerySet[Analysis]:
        match self.value():
            case "yes":
                return queryset.exclude(picture="")
            case "no":
                return queryset.filter(picture="")
        return queryset


class KeyFilter(SimpleListFilter):
    title = _("API key")
    parameter_name = "key"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [
            ("none", gettext("None (on the page)")),
            *((str(key.pk), str(key)) for key in ApiKey.objects.all()[:100]),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> QuerySet[Analysis]:
        value = self.value() or ""
        if value == "none":
            return queryset.filter(api_key__isnull=True)
        return queryset.filter(api_key=int(value)) if value.isdecimal() else queryset


class VersionFilter(SimpleListFilter):
    title = _("model version")
    parameter_name = "version"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [(version, version) for version in model_versions()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> QuerySet[Analysis]:
        return queryset.filter(model_version=self.value()) if self.value() else queryset
