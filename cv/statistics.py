"""Statistics for the dashboard: volume, speed and demographics. Groups of fewer than K faces are suppressed."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Case, CharField, Count, F, IntegerField, Min, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Floor, TruncDate
from django.utils import timezone

from cv.abstention import unsure
from cv.engine.labels import CLASSES, Attribute
from cv.models import Analysis, ApiKey, ErrorCount, Face

# Smaller groups are not shown.
K: Final = 10
# Percentiles use this many latest analyses: enough for a p95, and the cost does not grow with the table.
TIMED: Final = 2000
KEYS_SHOWN: Final = 8
AGE_BAND: Final = 10
# The group of faces whose answer is too uncertain.
UNSURE: Final = "unsure"
PAIRS: Final = (
    *sorted(f"{gender} {race}" for gender in CLASSES[Attribute.GENDER] for race in CLASSES[Attribute.RACE]),
    UNSURE,
)
STAGES: Final = ("decode", "detect", "attributes", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The dashboard's selection: a range of days (both included), and optionally one key or model version."""

    since: date
    until: date
    api_key: int | None = None
    model_version: str = ""

    def conditions(self, prefix: str = "") -> dict[str, Any]:
        wanted: dict[str, Any] = {
            f"{prefix}created_at__gte": datetime.combine(self.since, time.min, UTC),
            f"{prefix}created_at__lt": datetime.combine(self.until + timedelta(days=1), time.min, UTC),
        }
        if self.api_key is not None:
            wanted[f"{prefix}api_key"] = self.api_key
        if self.model_version:
            wanted[f"{prefix}model_version"] = self.model_version
        return wanted

    def analyses(self) -> QuerySet[Analysis]:
        return Analysis.objects.filter(**self.conditions()).order_by()


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    analyses: int
    faces: int


def per_day(part: Slice) -> list[Day]:
    """Every day of the slice, including days without analyses."""
    rows = part.analyses().annotate(day=TruncDate("created_at", tzinfo=UTC)).values("day")
    found = {row["day"]: row for row in rows.annotate(analyses=Count("pk"), seen=Sum("face_count"))}
    days = [part.since + timedelta(days=number) for number in range((part.until - part.since).days + 1)]
    return [Day(day, found[day]["analyses"], found[day]["seen"]) if day in found else Day(day, 0, 0) for day in days]


@dataclass(frozen=True, slots=True)
class StageTime:
    """Percentiles of one stage, in milliseconds."""

    stage: str
    p50: float
    p95: float


def stage_times(part: Slice) -> list[StageTime]:
    """Percentiles of each stage over the latest analyses of the slice; empty if there are none."""
    columns = [f"{stage}_ms" for stage in STAGES]
    rows = list(part.analyses().order_by("-created_at").values_list(*columns)[:TIMED])
    if not rows:
        return []
    times = [sorted(column) for column in zip(*rows, strict=True)]
    return [
        StageTime(stage, percentile(column, 0.5), percentile(column, 0.95))
        for stage, column in zip(STAGES, times, strict=True)
    ]


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile of sorted values; ``share`` in [0, 1]."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


@dataclass(frozen=True, slots=True)
class KeyUse:
    """``key`` is None for analyses from the web pages."""

    key: ApiKey | None
    analyses: int


def keys_by_use(part: Slice) -> list[KeyUse]:
    rows = list(part.analyses().values_list("api_key").annotate(n=Count("pk")).order_by("-n")[:KEYS_SHOWN])
    keys = ApiKey.objects.in_bulk([key for key, _ in rows if key is not None])
    return [KeyUse(keys[key] if key is not None else None, n) for key, n in rows]


@dataclass(frozen=True, slots=True)
class Expiring:
    next_at: datetime | None
    within_a_day: int
    within_a_week: int


def expiring() -> Expiring:
    """Counts what expires soon. What has expired already counts as within a day."""
    now = timezone.now()
    soon = Analysis.objects.filter(expires_at__lte=now + timedelta(days=7)).order_by()
    counted = soon.aggregate(day=Count("pk", filter=Q(expires_at__lte=now + timedelta(days=1))), week=Count("pk"))
    next_at = Analysis.objects.filter(expires_at__isnull=False).aggregate(at=Min("expires_at"))["at"]
    return Expiring(next_at, counted["day"], counted["week"])


def photos_since(day: date) -> int:
    """Photos analyzed from this day on, in UTC, that are still stored."""
    return Analysis.objects.filter(created_at__gte=datetime.combine(day, time.min, UTC)).order_by().count()


@dataclass(frozen=True, slots=True)
class Errors:
    """``days`` has the number of each day, also of days without errors; ``codes`` the sum of each, the most first."""

    days: list[tuple[date, int]]
    codes: list[tuple[str, int]]


def errors_in(since: date, until: date) -> Errors:
    """From the first to the last day."""
    by_day: Counter[date] = Counter()
    by_code: Counter[str] = Counter()
    for row in ErrorCount.objects.filter(day__gte=since, day__lte=until):
        by_day[row.day] += row.count
        by_code[row.code] += row.count
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    return Errors([(day, by_day[day]) for day in days], sorted(by_code.items(), key=lambda pair: (-pair[1], pair[0])))


def model_versions() -> list[str]:
    return list(Analysis.objects.order_by("model_version").values_list("model_version", flat=True).distinct()[:50])


@dataclass(frozen=True, slots=True)
class Group:
    """One bar of a chart."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The groups that are large enough to show, and the number of groups that are hidden completely or in part."""

    groups: list[Group]
    hidden: int


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts of the faces in a slice. ``faces`` is None if their total is below K."""

    faces: int | None
    age: Chart
    expression: Chart
    beauty: Chart
    gender_race: Chart


# The smallest unit of a slice: one day's analyses of one key by one model version.
Cell = tuple[date, int | None, str]
Counts = dict[Cell, Counter[Any]]


def charts(part: Slice) -> Charts:
    """Counts faces by answer. Faces whose answer is too uncertain are a separate group.

    Small groups are suppressed in each cell, and a slice is the sum of what its cells show. Two slices differ by whole
    cells, so subtracting one from the other never reveals a group below K.
    """
    faces = part.analyses().aggregate(faces=Sum("face_count"))["faces"] or 0
    age, beauty = banded(Attribute.AGE, AGE_BAND), banded(Attribute.BEAUTY, 1)
    expression, gender, race = (labelled(name) for name in (Attribute.EXPRESSION, Attribute.GENDER, Attribute.RACE))
    expressions = grouped(part, lambda name: name or None, expression)
    named = sorted({name for counts in expressions.values() for name in counts})
    return Charts(
        faces=faces if faces >= K else None,
        age=added_up(grouped(part, band, age), [*range(10), UNSURE]),
        expression=most_first(added_up(expressions, named)),
        beauty=added_up(grouped(part, band, beauty), [*range(1, 10), UNSURE]),
        gender_race=added_up(grouped(part, pair, gender, race), PAIRS),
    )


def grouped(part: Slice, name: Callable[..., Any], *by: Case) -> Counts:
    """Counts faces by group in each cell of the slice. ``name`` maps values to a group, or to None to skip the face."""
    day = TruncDate("analysis__created_at", tzinfo=UTC)
    cells = Face.objects.filter(**part.conditions("analysis__")).order_by().annotate(day=day)
    rows = cells.values_list("day", "analysis__api_key", "analysis__model_version", *by).annotate(n=Count("pk"))
    found: Counts = defaultdict(Counter)
    for of_day, key, version, *rest in rows:
        if (group := name(*rest[:-1])) is not None:
            found[of_day, key, version][group] += rest[-1]
    return found


def band(number: int | None) -> int | str | None:
    """The band's name; the last band of a scale is open."""
    return None if number is None else UNSURE if number < 0 else min(number, 9)


def pair(gender: str, race: str) -> str | None:
    """The group of a gender and a race; UNSURE if either is."""
    if not gender or not race:
        return None
    return UNSURE if UNSURE in (gender, race) else f"{gender} {race}"


def added_up(cells: Counts, order: Sequence[Any]) -> Chart:
    """Sums the groups that the cells show, in ``order``."""
    total, hidden = Counter[Any](), set[Any]()
    for counts in cells.values():
        shown = large_enough(counts)
        total.update({name: counts[name] for name in shown})
        hidden |= counts.keys() - shown
    return Chart([Group(str(name), total[name]) for name in order if total[name]], len(hidden))


def most_first(chart: Chart) -> Chart:
    groups = sorted(chart.groups, key=lambda group: (group.name == UNSURE, -group.count, group.name))
    return Chart(groups, chart.hidden)


def labelled(attribute: Attribute) -> Case:
    """The label, or UNSURE."""
    return Case(When(unsure(attribute), then=Value(UNSURE)), default=F(attribute.value), output_field=CharField())


def banded(attribute: Attribute, width: int) -> Case:
    """The value's band of this ``width``, counted from 0; -1 if the value is too uncertain."""
    band = Cast(Floor(F(attribute.value) / width), IntegerField())
    return Case(When(unsure(attribute), then=Value(-1)), default=band)


def large_enough(counts: Mapping[Any, int]) -> set[Any]:
    """The groups of at least K. If the hidden groups together have fewer than K, the smallest shown group is hidden,
    too; otherwise the total minus the shown groups would reveal them.
    """
    small = {name for name, n in counts.items() if 0 < n < K}
    shown = {name for name, n in counts.items() if n >= K}
    while small and shown and sum(counts[name] for name in small) < K:
        smallest = min(shown, key=lambda name: (counts[name], str(name)))
        shown.remove(smallest)
        small.add(smallest)
    return shown
