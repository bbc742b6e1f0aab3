"""The dashboard's numbers, what it hides, and who sees it."""

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cv.engine.types import Category, Estimate
from cv.jobs.inputs import UrlInputs
from cv.models import Analysis
from cv.services import api_key_create, errors_store
from cv.statistics import (
    K,
    Slice,
    charts,
    errors_in,
    expiring,
    keys_by_use,
    large_enough,
    per_day,
    percentile,
    stage_times,
)
from cv.trust.caller import Caller
from telemetry.metrics import ERRORS
from tests.factories import described, face_result, stored_analysis
from tests.jobs import made_job
from web.admin.dashboard import model_in_service, round_up

MALE = Category("male", {"female": 0.1, "male": 0.9})
pytestmark = pytest.mark.usefixtures("db")


def last_days(number: int = 30, **wanted: object) -> Slice:
    today = timezone.now().date()
    return Slice(since=today - timedelta(days=number - 1), until=today, **wanted)  # type: ignore[arg-type]


def staff(role: str) -> Client:
    person = User.objects.create_user(role, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(person)
    return client


def test_days_without_photos_are_there_with_nothing(caller: Caller) -> None:
    stored_analysis(caller, face_result(), face_result(1))
    earlier = stored_analysis(caller)
    Analysis.objects.filter(pk=earlier.pk).update(created_at=timezone.now() - timedelta(days=2))
    assert [(day.analyses, day.faces) for day in per_day(last_days(4))] == [(0, 0), (1, 0), (0, 0), (1, 2)]


def test_a_slice_holds_its_last_day_whole_and_nothing_after_it(caller: Caller) -> None:
    for day, hour in ((1, 0), (2, 23), (3, 0)):
        moment = datetime(2026, 5, day, hour, tzinfo=UTC)
        Analysis.objects.filter(pk=stored_analysis(caller).pk).update(created_at=moment)
    part = Slice(since=date(2026, 5, 1), until=date(2026, 5, 2))
    assert part.analyses().count() == 2


def test_a_slice_is_of_one_key_and_one_model_version(caller: Caller, user: User) -> None:
    stored_analysis(caller)
    stored_analysis(Caller(user=user))
    assert caller.api_key is not None
    assert last_days(api_key=caller.api_key.pk).analyses().count() == 1
    assert last_days(model_version="2026.11").analyses().count() == 2
    assert last_days(model_version="2020.01").analyses().count() == 0


def test_percentiles_are_values_that_were_measured(caller: Caller) -> None:
    assert [percentile([float(n) for n in range(1, 101)], share) for share in (0.5, 0.95)] == [50.0, 95.0]
    assert percentile([7.0], 0.95) == 7.0
    stored_analysis(caller)
    assert [(row.stage, row.p50, row.p95) for row in stage_times(last_days())] == [
        ("decode", 1.5, 1.5),
        ("detect", 20.25, 20.25),
        ("attributes", 10.0, 10.0),
        ("total", 31.75, 31.75),
    ]
    assert stage_times(Slice(since=date(2020, 1, 1), until=date(2020, 1, 2))) == []


def test_keys_are_ordered_by_use_and_people_on_the_page_counted_together(caller: Caller, user: User) -> None:
    stored_analysis(Caller(user=user))
    for _ in range(2):
        stored_analysis(caller)
    assert [(use.key and use.key.name, use.analyses) for use in keys_by_use(last_days())] == [("tests", 2), (None, 1)]


def test_what_expires_next_is_counted(caller: Caller) -> None:
    for days in (1, 5, 30):
        stored_analysis(caller, ttl_days=days)
    stored_analysis(caller)
    found = expiring()
    assert (found.within_a_day, found.within_a_week) == (1, 2)
    assert found.next_at is not None
    assert found.next_at < timezone.now() + timedelta(days=1)


def test_groups_smaller_than_k_are_not_shown_and_cannot_be_reckoned_from_the_rest() -> None:
    # c alone could be computed from the total minus a and b, so b is hidden, too.
    assert large_enough(Counter(a=50, b=12, c=3)) == {"a"}
    assert large_enough(Counter(a=50, b=9, c=8)) == {"a"}
    assert large_enough(Counter(a=50, b=10)) == {"a", "b"}


def counted(part: Slice) -> dict[str, Counter[str]]:
    found = charts(part)
    return {
        name: Counter({group.name: group.count for group in getattr(found, name).groups})
        for name in ("age", "expression", "beauty", "gender_race")
    }


@pytest.mark.parametrize("by", ["day", "key", "version"])
def test_no_group_below_k_is_found_by_subtracting_one_slice_from_another(caller: Caller, user: User, by: str) -> None:
    """Three men among many women, and one slice with them, one without."""
    other_key = Caller(api_key=api_key_create("other")[0])
    for number in range(2 * K + 3):
        few = number >= 2 * K
        face = described(gender=MALE, age=Estimate(80.0, (70, 90))) if few else described()
        row = stored_analysis(other_key if few and by == "key" else caller, face)
        changes = {
            "day": {"created_at": timezone.now() - timedelta(days=3)},
            "version": {"model_version": "2020.01"},
            "key": {},
        }[by]
        if few and changes:
            Analysis.objects.filter(pk=row.pk).update(**changes)
    assert caller.api_key is not None
    without = {
        "day": last_days(2),
        "key": last_days(api_key=caller.api_key.pk),
        "version": last_days(model_version="2026.11"),
    }[by]
    everything, rest = counted(last_days()), counted(without)
    for name, groups in everything.items():
        difference = {group: n - rest[name][group] for group, n in groups.items()}
        assert all(n == 0 or n >= K for n in difference.values()), (name, difference)
    assert everything["gender_race"] == {"female black": 2 * K}
    assert charts(last_days()).gender_race.hidden == 1


def test_charts_count_faces_by_what_they_are_like(caller: Caller) -> None:
    for _ in range(K):
        stored_analysis(caller, described(age=Estimate(39.99, (30, 45)), beauty=Estimate(9.9, (8, 10), (1, 10))))
        stored_analysis(caller, described(age=Estimate(40.0, (30, 45)), gender=MALE))
    stored_analysis(caller, described(age=Estimate(80.0, (70, 90))))
    found = charts(last_days())
    assert found.faces == 2 * K + 1
    # The one 80-year-old is hidden, together with another decade.
    assert found.age.hidden == 2
    assert sum(group.count for group in found.age.groups) == K
    assert {group.name: group.count for group in found.gender_race.groups} == {"female black": K + 1, "male black": K}
    assert {group.name: group.count for group in found.beauty.groups} == {"6": K + 1, "9": K}
    assert [(group.name, group.count) for group in found.expression.groups] == [("happiness", 2 * K + 1)]


def test_nothing_is_said_of_fewer_than_k_faces(caller: Caller) -> None:
    stored_analysis(caller, *(face_result(index) for index in range(K - 1)))
    assert charts(last_days()).faces is None
    page = staff("viewer").get("/admin/").content.decode()
    assert "fewer than 10 faces" in page
    assert "Happiness" not in page


def test_the_dashboard_takes_as_many_queries_for_many_photos_as_for_one(caller: Caller) -> None:
    client = staff("operator")

    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert client.get("/admin/").status_code == 200
        return len(context)

    stored_analysis(caller, face_result())
    queries()  # the first counts the files, too
    with_one = queries()
    for _ in range(12):
        stored_analysis(caller, face_result())
    assert queries() == with_one


@pytest.mark.parametrize(
    "query",
    [
        "since=x&until=y",
        "key=99999",
        "key=x",
        "version=none",
        "since=2026-02-01&until=2026-01-01",
        "since=0001-01-01",
        "until=0001-01-01",
        "until=9999-12-31",
    ],
)
def test_a_filter_that_makes_no_sense_is_answered(caller: Caller, query: str) -> None:
    assert staff("operator").get(f"/admin/?{query}").status_code == 200


def test_the_numbers_are_filtered_by_key(caller: Caller, user: User) -> None:
    stored_analysis(Caller(user=user))
    for _ in range(3):
        stored_analysis(caller)
    assert caller.api_key is not None
    page = staff("operator").get(f"/admin/?key={caller.api_key.pk}").content.decode()
    assert "3 photos" in page


def test_the_dashboard_speaks_chinese(caller: Caller) -> None:
    stored_analysis(caller, *(face_result(index) for index in range(K)))
    client = staff("operator")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    page = client.get("/admin/").content.decode()
    for text in ("每日照片", "各阶段毫秒数", "解码", "按使用量排列的密钥", "女 黑人", "模型版本"):
        assert text in page, text
    board = page[page.index('class="board"') : page.index("</section>", page.rindex("board-chart"))]
    left = re.findall(r">\s*([A-Za-z]{4,}[^<]*)<", re.sub(r"<option.*?</option>|<code>.*?</code>", "", board))
    # Only the key has a name of its own; the model's stands in a sentence.
    assert left == ["tests"]
    assert str(model_in_service()) in page


def test_the_first_screen_says_what_happens_now(caller: Caller) -> None:
    job = made_job(caller, UrlInputs(["https://example.org/a", "https://example.org/b"]))
    earlier = stored_analysis(caller)
    Analysis.objects.filter(pk=earlier.pk).update(created_at=timezone.now() - timedelta(days=3))
    stored_analysis(caller)
    page = re.sub(r"\s+", " ", staff("operator").get("/admin/").content.decode())
    for title, number in (
        ("Photos today", 1),
        ("Photos this week", 2),
        ("Open jobs", 1),
        ("Images at the workers", 0),
    ):
        assert f"<dt>{title}</dt><dd>{number}</dd>" in page, title
    assert "2 images wait" in page
    assert f"/admin/cv/job/{job.pk}/change/" in page


def test_errors_are_counted_by_day_and_outlive_the_process(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    today = timezone.now()
    errors_store()
    for _ in range(3):
        ERRORS.labels("no_such_code").inc()
    errors_store(today - timedelta(days=1))
    errors_store(today)
    ERRORS.labels("no_such_code").inc()
    errors_store(today)
    # A new process counts from zero, and adds to what is stored.
    monkeypatch.setattr("cv.services.errors._stored", Counter())
    monkeypatch.setattr("cv.services.errors._counted", lambda: Counter(no_such_code=2))
    errors_store(today)
    found = errors_in((today - timedelta(days=2)).date(), today.date())
    assert [number for _, number in found.days] == [0, 3, 3]
    assert found.codes == [("no_such_code", 6)]


@pytest.mark.parametrize(("most", "top"), [(0, 2), (3, 4), (4, 4), (11, 20), (20, 20), (41, 60), (999, 1000)])
def test_an_axis_ends_at_a_number_that_is_easy_to_read(most: int, top: int) -> None:
    assert round_up(most) == top
