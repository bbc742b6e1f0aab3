"""The page of a video is for its owner, and leads on from the job and the analysis."""

import io

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cv.jobs.videos import VideoInputs
from cv.models import JobItem
from cv.trust.caller import Caller
from tests.clips import encode_clip, moving_frames, portrait
from tests.jobs import made_job, work_through

pytestmark = pytest.mark.usefixtures("db")


def test_the_page_of_a_video_is_its_owners(user: User) -> None:
    clip = encode_clip(moving_frames(portrait("astronaut"), 0.6, 10, (480, 360)), fps=10, preset="ultrafast")
    job = made_job(Caller(user), VideoInputs(io.BytesIO(clip), name="a<b>.mp4"))
    visitor, stranger = Client(), Client()
    visitor.force_login(user)
    stranger.force_login(User.objects.create_user("stranger"))
    address = f"/videos/{job.pk}/"
    page = visitor.get(address)
    assert f'data-id="{job.pk}"' in page.content.decode()
    assert "<h1>a&lt;b&gt;.mp4</h1>" in page.content.decode()
    assert stranger.get(address).status_code == 404
    assert f'href="{address}"' in visitor.get("/jobs/").content.decode()

    JobItem.objects.filter(job=job).update(state="running", progress=0.4)
    assert "<span>40 %</span>" in visitor.get(f"/jobs/rows?id={job.pk}").content.decode()
    JobItem.objects.filter(job=job).update(state="pending", progress=0.0)
    work_through()
    analysis = JobItem.objects.get(job=job).analysis_id
    assert "1 person" in visitor.get(f"/jobs/{job.pk}/").content.decode()
    assert visitor.get(f"/analyses/{analysis}/")["Location"] == address


def test_no_face_is_cut_from_the_frames_of_a_video_whose_job_is_gone(user: User) -> None:
    """The boxes are those of each face's best frame, and what is kept begins with the video's first."""
    clip = encode_clip(moving_frames(portrait("astronaut"), 0.6, 10, (480, 360)), fps=10, preset="ultrafast")
    job = made_job(Caller(user), VideoInputs(io.BytesIO(clip)), image=True)
    work_through()
    analysis = JobItem.objects.get(job=job).analysis_id
    job.delete()
    visitor = Client()
    visitor.force_login(user)
    for address in (f"/analyses/{analysis}/", f"/compare/?id={analysis}&id={analysis}"):
        page = visitor.get(address).content.decode()
        assert str(analysis) in page
        assert "data-kept" not in page


def test_a_job_of_photos_has_no_page_of_a_video(user: User) -> None:
    visitor = Client()
    visitor.force_login(user)
    assert visitor.get("/videos/00000000-0000-4000-8000-000000000000/").status_code == 404
