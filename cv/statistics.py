"""Numbers for the dashboard: how much, how fast, of whom in general; groups too small to hide in are not told."""

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
from cv.models import Analysis, ApiKey, Face

# A number that stands for fewer people than this is not shown.
K: Final = 10
# Percentiles are of so many latest analyses: enough for a p95, and the same work on the largest table.
TIMED: Final = 2000
KEYS_SHOWN: Final = 8
AGE_BAND: Final = 10
# The group of those whose answer is too unsure to count as one.
UNSURE: Final = "unsure"
PAIRS: Final = (
    *sorted(f"{gender} {race}" for gender in CLASSES[Attribute.GENDER] for race in CLASSES[Attribute.RACE]),
    UNSURE,
)
STAGES: Final = ("decode", "detect", "attributes", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What the dashboard looks at: days (both included), and one key or model version where given."""

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
    """Every day of the slice, also those on which nothing happened."""
    rows = part.analyses().annotate(day=TruncDate("created_at", tzinfo=UTC)).values("day")
    found = {row["day"]: row for row in rows.annotate(analyses=Count("pk"), seen=Sum("face_count"))}
    days = [part.since + timedelta(days=number) for number in range((part.until - part.since).days + 1)]
    return [Day(day, found[day]["analyses"], found[day]["seen"]) if day in found else Day(day, 0, 0) for day in days]


@dataclass(frozen=True, slots=True)
class StageTime:
    """Milliseconds."""

    stage: str
    p50: float
    p95: float


def stage_times(part: Slice) -> list[StageTime]:
    """Percentiles of each stage over the latest analyses of the slice; empty without any."""
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
    """Nearest rank: the smallest of the ``ordered`` values that at least ``share`` of all do not exceed."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


@dataclass(frozen=True, slots=True)
class KeyUse:
    """``key`` is None for people on the pages."""

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
    """What will be deleted on its own; what is overdue counts as within a day."""
    now = timezone.now()
    soon = Analysis.objects.filter(expires_at__lte=now + timedelta(days=7)).order_by()
    counted = soon.aggregate(day=Count("pk", filter=Q(expires_at__lte=now + timedelta(days=1))), week=Count("pk"))
    next_at = Analysis.objects.filter(expires_at__isnull=False).aggregate(at=Min("expires_at"))["at"]
    return Expiring(next_at, counted["day"], counted["week"])


def model_versions() -> list[str]:
    return list(Analysis.objects.order_by("model_version").values_list("model_version", flat=True).distinct()[:50])


@dataclass(frozen=True, slots=True)
class Group:
    """A bar of a chart."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Chart:
    """What of the groups is large enough to show, and how many groups are not shown, or not with all of theirs."""

    groups: list[Group]
    hidden: int


@dataclass(frozen=True, slots=True)
class Charts:
    """Of the faces in a slice. ``faces`` is None where even their number is too small to tell."""

    faces: int | None
    age: Chart
    expression: Chart
    beauty: Chart
    gender_race: Chart


# What a slice is made of and never divides: a day of one key's analyses by one model version.
Cell = tuple[date, int | None, str]
Counts = dict[Cell, Counter[Any]]


def charts(part: Slice) -> Charts:
    """How many faces are like what. Faces whose answer is too unsure to count are a group of their own.

    Groups are made large enough in every cell by itself, and a slice adds up what its cells show. Whatever two slices
    differ by is whole cells, so that no group below K is found by subtracting one from the other.
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
    """How many faces of each group every cell of the slice has; ``name`` makes a group of the values, or None."""
    day = TruncDate("analysis__created_at", tzinfo=UTC)
    cells = Face.objects.filter(**part.conditions("analysis__")).order_by().annotate(day=day)
    rows = cells.values_list("day", "analysis__api_key", "analysis__model_version", *by).annotate(n=Count("pk"))
    found: Counts = defaultdict(Counter)
    for of_day, key, version, *rest in rows:
        if (group := name(*rest[:-1])) is not None:
            found[of_day, key, version][group] += rest[-1]
    return found


def band(number: int | None) -> int | str | None:
    """The last band of a scale is open."""
    return None if number is None else UNSURE if number < 0 else min(number, 9)


def pair(gender: str, race: str) -> str | None:
    """Unsure where either is."""
    if not gender or not race:
        return None
    return UNSURE if UNSURE in (gender, race) else f"{gender} {race}"


def added_up(cells: Counts, order: Sequence[Any]) -> Chart:
    """What the cells show, together, in ``order``."""
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
    """The label, or that it is unsure."""
    return Case(When(unsure(attribute), then=Value(UNSURE)), default=F(attribute.value), output_field=CharField())


def banded(attribute: Attribute, width: int) -> Case:
    """Which band of ``width`` the value is in, from 0; -1 where it is unsure."""
    band = Cast(Floor(F(attribute.value) / width), IntegerField())
    return Case(When(unsure(attribute), then=Value(-1)), default=band)


def large_enough(counts: Mapping[Any, int]) -> set[Any]:
    """The groups of at least K. Where those left out are together fewer than K, the smallest shown goes with them:
    else the whole less what is shown would give them away.
    """
    small = {name for name, n in counts.items() if 0 < n < K}
    shown = {name for name, n in counts.items() if n >= K}
    while small and shown and sum(counts[name] for name in small) < K:
        smallest = min(shown, key=lambda name: (counts[name], str(name)))
        shown.remove(smallest)
        small.add(smallest)
    return shown
