"""The pages about jobs: they show the visitor's own jobs and no others."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from pytest_django import Settings

from cv.choices import ItemState
from cv.models import AuditEvent, Collection, Job
from cv.services import collection_delete, job_cancel, job_pause, subject_erase
from cv.trust.caller import Caller
from tests.archives import zip_of
from tests.jobs import archive, made_job, new_job, work_through
from web.admin.jobs import JobAdmin
from web.pages.jobs import ITEMS_A_PAGE, JOBS_A_PAGE
from web.templatetags.jobs import left_in_words

LISTS = ("/admin/cv/job/", "/admin/cv/jobitem/")


@pytest.fixture
def visitor(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


@pytest.fixture
def job(user: User, empty_scene: bytes) -> Job:
    """A job of two files, one of which is not an image."""
    return made_job(Caller(user=user), archive([("a.jpg", empty_scene), ("b.jpg", b"no picture")]), subject="beach")


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_a_job_is_told_with_what_can_be_done_with_it(visitor: Client, job: Job) -> None:
    waiting = text(visitor, "/jobs/")
    # The API's routes have names, too: the page's links must not be theirs.
    assert '<a href="/jobs/" aria-current="page">Jobs</a>' in waiting
    assert '<a href="/jobs/">' in text(visitor, f"/jobs/{job.pk}/")
    switched = visitor.post("/i18n/setlang/", {"language": "en", "next": "/jobs/"})
    assert switched["Location"] == "/jobs/"
    for words in (
        "Waiting",
        "0 of 2 images",
        "and 100,000 images",
        "From an archive",
        "beach",
        'data-change="pause"',
        'data-change="cancel"',
    ):
        assert words in waiting
    assert 'data-change="retry"' not in waiting
    assert "format=parquet" not in waiting

    work_through()
    done = text(visitor, f"/jobs/rows?id={job.pk}")
    for words in ('data-state="done"', "2 of 2 images", "1 failed", "format=parquet"):
        assert words in done
    # What is no picture will be none in another try, either.
    assert 'data-change="retry"' not in done
    assert 'data-change="cancel"' not in done
    assert "<html" not in done


def test_an_archive_that_is_read_shows_what_was_found_so_far(visitor: Client, user: User, empty_scene: bytes) -> None:
    job = new_job(Caller(user=user), archive([("a.jpg", empty_scene)]))
    Job.objects.update(item_count=3000)
    read = text(visitor, f"/jobs/rows?id={job.pk}")
    for words in (
        'data-state="listing"',
        "Reading the archive",
        "3000 images found so far",
        'data-change="pause"',
        'data-change="cancel"',
    ):
        assert words in read
    # Its end is not known, so the bar has no value.
    assert '<progress aria-label="Progress"></progress>' in read
    assert "of 3000" not in read


def test_an_archive_that_was_refused_says_why(visitor: Client, user: User) -> None:
    job = made_job(Caller(user=user), archive([]))
    refused = text(visitor, f"/jobs/{job.pk}/")
    assert "the job contains no image <code>empty_job</code>" in refused
    assert "<progress" not in refused
    assert 'data-change="delete"' in refused
    assert 'data-change="retry"' not in refused


def test_a_paused_job_can_go_on_and_a_cancelled_one_only_be_deleted(visitor: Client, job: Job) -> None:
    job_pause(job)
    paused = text(visitor, "/jobs/")
    assert 'data-change="resume"' in paused
    assert 'data-change="pause"' not in paused
    job_cancel(job)
    cancelled = text(visitor, "/jobs/")
    assert 'data-change="delete"' in cancelled
    assert 'data-change="resume"' not in cancelled
    assert "0 of 2 images" in cancelled


def test_the_page_of_a_job_says_what_became_of_every_image(visitor: Client, job: Job) -> None:
    work_through()
    page = text(visitor, f"/jobs/{job.pk}/")
    for words in ("a.jpg", "b.jpg", "unsupported_media_type", f"/analyses/{job.items.get(index=0).analysis_id}/"):
        assert words in page
    failed = text(visitor, f"/jobs/{job.pk}/?state=failed")
    assert "b.jpg" in failed
    assert "a.jpg" not in failed
    assert AuditEvent.objects.filter(action="job.read", count=2).count() == 1
    assert "Not a supported picture" in page
    assert "b.jpg" in text(visitor, f"/jobs/{job.pk}/?error=unsupported_media_type")
    assert "b.jpg" not in text(visitor, f"/jobs/{job.pk}/?error=worker_lost")


def test_a_retry_is_offered_where_it_may_help(visitor: Client, job: Job) -> None:
    work_through()
    job.items.filter(index=1).update(error_code="worker_lost", location="kept/input")
    assert 'data-change="retry"' in text(visitor, f"/jobs/rows?id={job.pk}")
    job.items.filter(index=1).update(location="")
    assert 'data-change="retry"' not in text(visitor, f"/jobs/rows?id={job.pk}")


def test_the_images_and_jobs_come_in_pages(visitor: Client, user: User, empty_scene: bytes) -> None:
    caller = Caller(user=user)
    many = made_job(caller, archive([(f"{n:03}.jpg", empty_scene) for n in range(ITEMS_A_PAGE + 1)]))
    assert "100.jpg" not in text(visitor, f"/jobs/{many.pk}/")
    assert "100.jpg" in text(visitor, f"/jobs/{many.pk}/?page=2")
    for _ in range(JOBS_A_PAGE):
        made_job(caller, archive([("a.jpg", empty_scene)]))
    assert str(many.pk) not in text(visitor, "/jobs/")
    assert str(many.pk) in text(visitor, "/jobs/?page=2")


@pytest.mark.parametrize("query", ["page=0", "page=x", "state=lost", "page=99999999"])
def test_an_address_that_makes_no_sense_is_answered(visitor: Client, job: Job, query: str) -> None:
    assert visitor.get(f"/jobs/?{query}").status_code == 200
    assert visitor.get(f"/jobs/{job.pk}/?{query}").status_code == 200
    assert visitor.get("/jobs/rows?id=x").status_code == 404


def test_another_visitors_job_is_not_there(client: Client, job: Job) -> None:
    client.force_login(User.objects.create_user("grace"))
    assert client.get(f"/jobs/{job.pk}/").status_code == 404
    assert str(job.pk) not in text(client, "/jobs/")
    assert text(client, f"/jobs/rows?id={job.pk}") == ""
    client.logout()
    assert client.get("/jobs/")["Location"] == "/login/?next=/jobs/"


@pytest.mark.parametrize("path", ["/jobs/", "/admin/cv/job/"])
def test_a_list_takes_as_many_queries_for_many_jobs_as_for_one(
    client: Client, user: User, empty_scene: bytes, path: str
) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    client.force_login(User.objects.get())

    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert client.get(path).status_code == 200
        return len(context)

    made_job(Caller(user=user), archive([("a.jpg", empty_scene)]))
    with_one = queries()
    for _ in range(5):
        made_job(Caller(user=user), archive([("a.jpg", empty_scene)]))
    assert queries() == with_one


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "less than a minute left"),
        (60, "about 1 minute left"),
        (150, "about 2 minutes left"),
        (7200, "about 2 hours left"),
        (259200, "about 3 days left"),
    ],
)
def test_the_time_left_is_told_no_more_exactly_than_it_is_known(seconds: float, words: str) -> None:
    with translation.override("en"):
        assert left_in_words(seconds) == words


def test_the_admin_shows_progress_and_leads_jobs_on(client: Client, job: Job) -> None:
    client.force_login(User.objects.create_superuser("root"))
    for path in (*LISTS, f"/admin/cv/job/{job.pk}/change/", f"/admin/cv/jobitem/{job.items.get(index=0).pk}/change/"):
        assert client.get(path).status_code == 200
    page = text(client, "/admin/cv/job/")
    assert '<progress max="2" value="0" aria-label="Progress"></progress> 0 / 2' in page
    assert f"jobs/{job.pk.hex}" not in text(client, f"/admin/cv/jobitem/{job.items.get(index=0).pk}/change/")

    def act(action: str, **more: Any) -> str:
        chosen = {"action": action, "_selected_action": [str(job.pk)], **more}
        client.post("/admin/cv/job/", chosen)
        found = Job.objects.filter(pk=job.pk).first()
        return found.state if found else "gone"

    assert set(JobAdmin.actions) == {"pause", "go_on", "cancel", "retry"}
    assert act("pause") == "paused"
    assert act("go_on") == "pending"
    work_through()
    # Neither change is possible any more; the page says so.
    assert act("pause") == act("cancel") == "done"
    assert act("delete_selected", post="yes") == "gone"
    audited = list(AuditEvent.objects.filter(actor__startswith="user:").values_list("action", flat=True))
    assert audited.count("job.change") == 2
    assert audited.count("job.delete") == 1


def test_staff_see_jobs_as_far_as_their_role_goes(client: Client, job: Job) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    client.force_login(viewer)
    assert [client.get(path).status_code for path in LISTS] == [403, 403]
    viewer.groups.add(Group.objects.get(name="viewer"))
    assert [client.get(path).status_code for path in LISTS] == [200, 200]
    client.post("/admin/cv/job/", {"action": "cancel", "_selected_action": [str(job.pk)]})
    job.refresh_from_db()
    assert job.state == "pending"


def test_a_job_is_named_by_its_archive_and_its_downloads_say_what_is_in_them(visitor: Client, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(name="<b>beach</b>.zip")
    job.items.filter(index=0).update(state=ItemState.DONE, due_at=None)
    job.items.filter(index=1).update(state=ItemState.FAILED, error_code="undecodable_image", due_at=None)
    for path in ("/jobs/", f"/jobs/{job.pk}/"):
        page = text(visitor, path)
        assert "&lt;b&gt;beach&lt;/b&gt;.zip" in page
        assert "1 analyzed image, 1 failed with its reason; tables have a row for each face. No pictures." in page


@pytest.mark.usefixtures("identity")
def test_a_job_that_searches_says_who_is_in_each_photo_until_they_are_erased(
    visitor: Client, user: User, two_faces: bytes, grace_hopper: bytes, settings: Settings
) -> None:
    caller = Caller(user=user)
    made = visitor.post("/api/v1/collections", {"name": "crew"}, content_type="application/json").json()["id"]
    assert "Look for the people of" not in text(visitor, "/jobs/")
    face = {"image": SimpleUploadedFile("a.jpg", grace_hopper), "subject": "<hopper>"}
    assert visitor.post(f"/api/v1/collections/{made}/faces", face).status_code == 201
    assert f'<option value="{made}">crew</option>' in text(visitor, "/jobs/")
    archive_file = SimpleUploadedFile("party.zip", zip_of([("a.png", two_faces)]))
    job = visitor.post("/api/v1/jobs", {"archive": archive_file, "search": made}).json()["id"]
    work_through()
    page = text(visitor, f"/jobs/{job}/")
    assert f'Looked for the people of <a href="/people/{made}/">crew</a>' in page
    assert '&lt;hopper&gt;, <span class="muted">1 unknown</span>' in page
    settings.XCLOUD_IDENTITY = False
    assert "hopper" not in text(visitor, f"/jobs/{job}/")
    settings.XCLOUD_IDENTITY = True
    subject_erase("<hopper>", caller)
    assert '<span class="muted">2 unknown</span>' in text(visitor, f"/jobs/{job}/")
    collection_delete(Collection.objects.get(pk=made), caller)
    assert "The collection that was searched is deleted." in text(visitor, f"/jobs/{job}/")
