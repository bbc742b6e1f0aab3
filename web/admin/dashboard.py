"""The admin's first screen: numbers of analyses, their speed, errors, stored data, and groups of people."""

from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cv.engine.errors import EngineError
from cv.engine.manifest import read_manifest
from cv.files.usage import storage
from cv.models import ApiKey
from cv.statistics import (
    AGE_BAND,
    UNSURE,
    Chart,
    Charts,
    Day,
    Group,
    K,
    Slice,
    charts,
    expiring,
    keys_by_use,
    model_versions,
    per_day,
    stage_times,
)
from telemetry.metrics import ERRORS
from web.words import LABELS

DAYS: Final = 30
MOST_DAYS: Final = 366
# Before the first photo of anyone, and far from the smallest possible date.
FIRST_DAY: Final = date(2010, 1, 1)


class SliceForm(forms.Form):
    """Which days, key and model version; all may stay empty."""

    since = forms.DateField(label=_("From day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    key = forms.ChoiceField(label=_("API key"), required=False)
    version = forms.ChoiceField(label=_("Model version"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keys = [(str(key.pk), str(key)) for key in ApiKey.objects.all()[:100]]
        self.fields["key"].choices = [("", _("All")), *keys]  # type: ignore[attr-defined]
        versions = [(version, version) for version in model_versions()]
        self.fields["version"].choices = [("", _("All")), *versions]  # type: ignore[attr-defined]

    def part(self) -> Slice:
        """The last month if no valid days are given; never more than a year."""
        given = self.cleaned_data if self.is_valid() else {}
        today = timezone.now().date()
        until: date = max(min(given.get("until") or today, today), FIRST_DAY)
        since: date = given.get("since") or until - timedelta(days=DAYS - 1)
        since = max(min(since, until), until - timedelta(days=MOST_DAYS - 1))
        key = given.get("key")
        return Slice(
            since=since, until=until, api_key=int(key) if key else None, model_version=given.get("version") or ""
        )


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by unfold for the index page. People who may not see analyses see no numbers about them."""
    if not request.user.has_perm("cv.view_analysis"):
        return context
    form = SliceForm(request.GET)
    part = form.part()
    days = per_day(part)
    analyses, faces = sum(day.analyses for day in days), sum(day.faces for day in days)
    context["dashboard"] = {
        "form": form,
        "part": part,
        "days": columns(days),
        "analyses": analyses,
        "yesterday": yesterday(days),
        "faces_a_photo": faces / analyses if analyses else None,
        "stages": stage_times(part),
        "errors": errors_by_code(),
        "keys": keys_by_use(part) if request.user.has_perm("cv.view_apikey") else None,
        "storage": storage(),
        "expiring": expiring(),
        "model": model_in_service(),
        "charts": drawn(charts(part)) if request.user.has_perm("cv.view_face") else None,
        "k": K,
    }
    return context


def yesterday(days: list[Day]) -> int | None:
    """None if the slice does not contain it."""
    wanted = timezone.now().date() - timedelta(days=1)
    return next((day.analyses for day in days if day.day == wanted), None)


def columns(days: list[Day]) -> list[dict[str, Any]]:
    """A column per day, in a chart 100 units high and 10 units per day wide."""
    most = max((day.analyses for day in days), default=0) or 1
    tall = [round(96 * day.analyses / most, 2) for day in days]
    return [
        {"x": 10 * number + 1, "y": 100 - height, "height": height, "of": day}
        for number, (day, height) in enumerate(zip(days, tall, strict=True))
    ]


def in_words(name: str) -> str:
    """“Female Black” for `female black`, in the visitor's language."""
    return gettext("Unsure") if name == UNSURE else " ".join(str(LABELS[label]) for label in name.split())


def drawn(found: Charts) -> dict[str, Any]:
    def ages(name: str) -> str:
        if name == UNSURE:
            return in_words(name)
        return (
            gettext("90 and more") if name == "9" else f"{int(name) * AGE_BAND}–{int(name) * AGE_BAND + AGE_BAND - 1}"
        )

    def beauties(name: str) -> str:
        if name == UNSURE:
            return in_words(name)
        return "9–10" if name == "9" else f"{name}–{int(name) + 1}"

    titled = [
        (_("Age"), bars(found.age, ages)),
        (_("Expression"), bars(found.expression, in_words)),
        (_("Gender × race"), bars(found.gender_race, in_words)),
        (_("Beauty"), bars(found.beauty, beauties)),
    ]
    return {"faces": found.faces, "charts": [{"title": title, **chart} for title, chart in titled]}


def bars(chart: Chart, name: Any) -> dict[str, Any]:
    most = max((group.count for group in chart.groups), default=1)

    def bar(group: Group) -> dict[str, Any]:
        return {"name": name(group.name), "count": group.count, "width": round(100 * group.count / most, 2)}

    return {"bars": [bar(group) for group in chart.groups], "hidden": chart.hidden}


def errors_by_code() -> list[tuple[str, int]]:
    """The errors of this process since its start, the most frequent first; Prometheus keeps /metrics for longer."""
    samples = (sample for metric in ERRORS.collect() for sample in metric.samples if sample.name.endswith("_total"))
    found = [(sample.labels["code"], int(sample.value)) for sample in samples]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def model_in_service() -> str | None:
    """Its name and version; None if no model can be read."""
    try:
        card = read_manifest(settings.XCLOUD_ENGINE.weights_dir).default.card
    except EngineError:
        return None
    return f"{card.name} {card.version}"
