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
from cv.jobs.activity import activity
from cv.models import ApiKey
from cv.services import errors_store
from cv.statistics import (
    AGE_BAND,
    UNSURE,
    Chart,
    Charts,
    Group,
    K,
    Slice,
    charts,
    errors_in,
    expiring,
    keys_by_use,
    model_versions,
    per_day,
    photos_since,
    stage_times,
)
from telemetry.metrics import ENGINE_QUEUED
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
    today = timezone.now().date()
    # So that what this process answered a moment ago is counted, too.
    errors_store()
    errors = errors_in(part.since, part.until)
    context["dashboard"] = {
        "form": form,
        "part": part,
        "today": photos_since(today),
        "week": photos_since(today - timedelta(days=6)),
        "errors_today": errors_in(today, today).days[0][1],
        "admitted": admitted(),
        "activity": activity() if request.user.has_perm("cv.view_job") else None,
        "photos": columns([(day.day, day.analyses) for day in days]),
        "days": days,
        "analyses": analyses,
        "faces_a_photo": faces / analyses if analyses else None,
        "stages": stage_times(part),
        "errors": errors.codes,
        "errors_by_day": columns(errors.days),
        "keys": keys_by_use(part) if request.user.has_perm("cv.view_apikey") else None,
        "storage": storage(),
        "expiring": expiring(),
        "model": model_in_service(),
        "charts": drawn(charts(part)) if request.user.has_perm("cv.view_face") else None,
        "k": K,
    }
    return context


def columns(numbers: list[tuple[date, int]]) -> dict[str, Any]:
    """A column for each day, in a drawing 100 units high and 10 units wide per day, and the numbers of its axes."""
    top = round_up(max((number for _, number in numbers), default=0))
    drawn_ = []
    for place, (day, number) in enumerate(numbers):
        height = round(100 * number / top, 2)
        drawn_.append({"x": 10 * place + 1, "y": 100 - height, "height": height, "day": day, "number": number})
    days = [day for day, _ in numbers]
    return {"columns": drawn_, "width": 10 * len(numbers), "top": top, "half": top / 2, "days": days}


def round_up(number: int) -> int:
    """The next number that can be halved and is easy to read: 2, 4, 6, 8, 10, 20…"""
    ten = 1
    while True:
        for step in (2, 4, 6, 8, 10):
            if number <= step * ten:
                return step * ten
        ten *= 10


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


def admitted() -> int:
    """The requests for an image that this server process has let in: in progress or waiting."""
    return int(sum(sample.value for metric in ENGINE_QUEUED.collect() for sample in metric.samples))


def model_in_service() -> str | None:
    """Its name and version; None if no model can be read."""
    try:
        card = read_manifest(settings.XCLOUD_ENGINE.weights_dir).default.card
    except EngineError:
        return None
    return f"{card.name} {card.version}"
