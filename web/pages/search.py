"""The gallery's search: its filters, and one page of a visitor's analyses."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cv.choices import EXPRESSIONS, GENDERS, RACES
from cv.engine.labels import Attribute
from cv.models import Analysis
from cv.selectors import AnalysisFilter
from cv.serving.outputs import served_outputs
from web.words import LABELS

PAGE_SIZE: Final = 24
# Enough for browsing; older analyses are found with the filters.
MAX_PAGE: Final = 500
# Only outputs that the installation serves can be searched for.
FIELD_OF: Final = {
    "gender": Attribute.GENDER,
    "race": Attribute.RACE,
    "expression": Attribute.EXPRESSION,
    "min_age": Attribute.AGE,
    "max_age": Attribute.AGE,
}


# The orders of the gallery: title, and columns to order by.
ORDERS: Final[dict[str, tuple[Any, tuple[str, ...]]]] = {
    "": (_("Newest first"), ("-created_at", "-pk")),
    "oldest": (_("Oldest first"), ("created_at", "pk")),
    "faces": (_("Most faces first"), ("-face_count", "-created_at", "-pk")),
    "subject": (_("By subject"), ("subject", "-created_at", "-pk")),
}


def choices(labels: list[tuple[str, str]]) -> list[tuple[str, object]]:
    return [("", _("Any")), *((name, LABELS[name]) for name, _label in labels)]


def day(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        # So that a day more or less in another time zone is still a valid time.
        validators=[MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(9000, 1, 1))],
    )


class GallerySearch(forms.Form):
    """Every field may stay empty. All filters about a face must match a single face."""

    order = forms.ChoiceField(
        label=_("Order"), required=False, choices=[(name, title) for name, (title, _by) in ORDERS.items()]
    )
    subject = forms.CharField(label=_("Subject"), required=False, max_length=200)
    gender = forms.ChoiceField(label=_("Gender"), required=False, choices=choices(GENDERS))
    race = forms.ChoiceField(label=_("Race"), required=False, choices=choices(RACES))
    expression = forms.ChoiceField(label=_("Expression"), required=False, choices=choices(EXPRESSIONS))
    min_age = forms.FloatField(label=_("Age from"), required=False, min_value=0, max_value=120)
    max_age = forms.FloatField(label=_("Age to"), required=False, min_value=0, max_value=120)
    unsure = forms.TypedChoiceField(
        label=_("Unsure answers"),
        required=False,
        choices=[("", _("Leave out")), ("yes", _("Include"))],
        coerce=bool,
        empty_value=None,
    )
    since = day(_("From day"))
    until = day(_("To day"))
    # The visitor's time zone; the page fills it in.
    zone = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, attribute in FIELD_OF.items():
            if attribute not in served_outputs():
                del self.fields[name]

    def wanted(self) -> AnalysisFilter:
        """The filter; invalid fields are left out, and the form shows their errors."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        given.pop("order", None)
        since, until, zone = given.pop("since", None), given.pop("until", None), zone_of(given.pop("zone", ""))
        if since is not None:
            given["created_after"] = datetime.combine(since, time.min, zone)
        if until is not None:
            given["created_before"] = datetime.combine(until + timedelta(days=1), time.min, zone)
        return AnalysisFilter(**given)

    def order_columns(self) -> tuple[str, ...]:
        """The columns to order by; the newest first if the order is not valid."""
        return ORDERS[self.cleaned_data.get("order") or ""][1]

    def active(self) -> list[tuple[str, str, str]]:
        """The filters in use: field, its label, and the value as people read it."""
        found = []
        for name, field in self.fields.items():
            value = self.cleaned_data.get(name)
            if name in ("order", "zone") or value in (None, ""):
                continue
            choices: Any = getattr(field, "choices", ())
            words = dict(choices).get(self.data.get(name), value)
            found.append((name, str(field.label), f"{words:g}" if isinstance(words, float) else str(words)))
        return found


def zone_of(name: str) -> tzinfo:
    """The time zone of that name, or UTC if there is none."""
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):
        return UTC


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """One page, the number of all analyses, and whether there are other pages."""

    rows: list[Analysis]
    total: int
    newer: int | None
    older: int | None


def page_number(asked: str) -> int:
    """The number that ``asked`` names, or the first if it is not valid."""
    return min(int(asked), MAX_PAGE) if asked.isdecimal() and len(asked) < 6 and int(asked) else 1


def gallery_page(rows: QuerySet[Analysis], asked: str) -> GalleryPage:
    """The page that ``asked`` names, or the first if it is not valid."""
    number = page_number(asked)
    start = (number - 1) * PAGE_SIZE
    found = list(rows[start : start + PAGE_SIZE + 1])
    more = len(found) > PAGE_SIZE and number < MAX_PAGE
    return GalleryPage(
        found[:PAGE_SIZE], rows.order_by().count(), number - 1 if number > 1 else None, number + 1 if more else None
    )
