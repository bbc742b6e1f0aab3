"""A video is read in the background: its people are tracked, each gets one answer, and everything can be erased."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import AuditAction, Scope
from cv.models import Analysis, AuditEvent, FaceVector, Job, Track, Video
from cv.services import api_key_create
from tests.clips import encode_clip, encode_sound, moving_frames, portrait
from tests.jobs import kept_inputs, work_through

pytestmark = pytest.mark.usefixtures("db")


@cache
def clip_of_two() -> bytes:
    """Two scenes of a second each: the astronaut, then Grace Hopper."""
    size = (640, 360)
    scenes = (moving_frames(portrait(name), 1, 15, size) for name in ("astronaut", "hopper"))
    return encode_clip(chain(*scenes), fps=15, preset="ultrafast")


def send(api: APIClient, data: bytes, name: str = "clip.mp4", **fields: Any) -> Any:
    return api.post("/api/v1/videos", {"video": SimpleUploadedFile(name, data), **fields}, format="multipart")


def read(api: APIClient, data: bytes, **fields: Any) -> Any:
    """The video once it has been read."""
    job = send(api, data, **fields).json()["id"]
    work_through()
    return api.get(f"/api/v1/videos/{job}").json()


def test_the_people_of_a_video_get_one_answer_each_and_a_timeline(api: APIClient) -> None:
    sent = send(api, clip_of_two())
    assert sent.status_code == 202, sent.content
    job = sent.json()
    assert (job["source"], job["name"], job["images"], job["state"]) == ("video", "clip.mp4", 1, "pending")
    before = api.get(f"/api/v1/videos/{job['id']}").json()
    assert (before["progress"], before["result"], before["error"]) == (0.0, None, None)

    work_through()
    video = api.get(f"/api/v1/videos/{job['id']}").json()
    assert (video["state"], video["progress"], video["error"]) == ("done", 1.0, None)
    result = video["result"]
    assert (result["image"]["width"], result["image"]["height"]) == (640, 360)
    assert (result["scenes"], result["frames"], result["storyboard"]) == ([0.0, 1.0], 10, [])
    astronaut, hopper = result["people"]
    assert [(person["scene"], person["frames"], person["person"]) for person in result["people"]] == [
        (0, 5, None),
        (1, 5, None),
    ]
    assert astronaut["face"]["attributes"]["gender"]["label"] == "female"
    assert astronaut["face"]["attributes"]["expression"]["label"] == "happiness"
    assert hopper["face"]["attributes"]["age"]["value"] > 60
    moments = astronaut["moments"]
    assert moments["at"] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8], abs=0.07)
    assert moments["labels"]["expression"][3] == "happiness"
    assert [row[3] > 0.9 for row in moments["shares"]["expression"]] == [True] * 5
    assert kept_inputs() == []


def test_stills_and_frames_are_kept_if_asked_for(api: APIClient, settings: Settings) -> None:
    video = read(api, clip_of_two(), **{"store.image": "true"})
    astronaut = video["result"]["people"][0]
    assert {still["kind"] for still in astronaut["stills"]} == {"sharpest", "frontal", "happiness"}
    address = f"/api/v1/videos/{video['id']}"
    for part, size in (("people/0/stills/happiness", None), ("frames/9", (320, 180))):
        answer = api.get(f"{address}/{part}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
        picture = Image.open(io.BytesIO(answer.content))
        assert picture.format == "JPEG"
        assert size is None or picture.size == size
    # Lists show a picture of every analysis: of a video a frame, not the file of all frames and stills.
    shown = api.get(f"/api/v1/analyses/{Analysis.objects.get().pk}/picture")
    assert shown.content == api.get(f"{address}/frames/0").content
    again = api.post(f"/api/v1/analyses/{Analysis.objects.get().pk}/reanalyse", {})
    assert (again.status_code, again.json()["error"]["message"]) == (400, "picture: a video cannot be analyzed again")
    # A video plays to its end, however few requests a minute are allowed.
    settings.XCLOUD_RATE_PER_MINUTE = 1
    assert [api.get(f"{address}/frames/{index}").status_code for index in range(4)] == [200] * 4
    settings.XCLOUD_RATE_PER_MINUTE = 0
    assert api.get(f"{address}/people/0/stills/tallest").status_code == 404
    assert api.get(f"{address}/frames/10").status_code == 404


def test_a_still_of_an_expression_is_hidden_once_expressions_are_switched_off(
    api: APIClient, settings: Settings
) -> None:
    video = read(api, clip_of_two(), **{"store.image": "true"})["id"]
    settings.XCLOUD_ATTRIBUTES = frozenset({"age"})
    person = api.get(f"/api/v1/videos/{video}").json()["result"]["people"][0]
    assert {still["kind"] for still in person["stills"]} == {"sharpest", "frontal"}
    assert api.get(f"/api/v1/videos/{video}/people/0/stills/happiness").status_code == 404
    assert api.get(f"/api/v1/videos/{video}/people/0/stills/sharpest").status_code == 200


def test_a_video_keeps_no_small_pictures_of_faces_and_says_so(api: APIClient, settings: Settings) -> None:
    settings.XCLOUD_FACE_CHIPS = "default"
    assert send(api, clip_of_two()).json()["options"]["store"]["chips"] is False
    refused = send(api, clip_of_two(), **{"store.chips": "true"})
    assert refused.status_code == 400
    assert refused.json()["error"]["details"] == {
        "store": {"chips": ["not of a video; `image` keeps stills of its people"]}
    }


def test_the_audit_log_has_who_read_a_video_and_not_who_waited_for_it(api: APIClient) -> None:
    reads = AuditEvent.objects.filter(action=AuditAction.JOB_READ)
    job = send(api, clip_of_two()).json()["id"]
    for _ in range(3):
        api.get(f"/api/v1/videos/{job}")
    assert reads.count() == 0
    work_through()
    api.get(f"/api/v1/videos/{job}")
    assert reads.get().objects_named == [job]


def test_the_timeline_is_a_table_and_so_are_the_people(api: APIClient) -> None:
    video = read(api, clip_of_two())
    table = b"".join(api.get(f"/api/v1/videos/{video['id']}?format=csv")).decode("utf-8-sig").splitlines()
    assert table[0].startswith("face,person,scene,at,box_x,box_y,box_width,box_height,expression_anger,")
    assert len(table) == 11
    people = b"".join(api.get(f"/api/v1/jobs/{video['id']}/results?format=csv")).decode("utf-8-sig").splitlines()
    assert [row.split(",")[1] for row in people[1:]] == ["clip.mp4", "clip.mp4"]


def test_erasing_the_subject_erases_the_video(api: APIClient) -> None:
    read(api, clip_of_two(), **{"store.subject": "ada", "store.image": "true"})
    assert (Video.objects.count(), Track.objects.count()) == (1, 2)
    exported = json.loads(b"".join(api.get("/api/v1/subjects/ada/export")))["analyses"][0]
    assert [len(person["moments"]["at"]) for person in exported["video"]["people"]] == [5, 5]
    assert exported["picture"]["media_type"] == "video/x-motion-jpeg"
    receipt = api.post("/api/v1/subjects/ada/erase").json()["receipt"]
    assert receipt["deleted"]["analyses"] == 1
    assert receipt["deleted"]["faces"] == 2
    assert receipt["deleted"]["pictures"] == 1
    assert (Analysis.objects.count(), Video.objects.count(), Track.objects.count(), Job.objects.count()) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (encode_sound(), "no_frames"),
        (encode_sound("webm"), "no_frames"),
        (b"\0\0\0\x18ftypmp42" + bytes(200), "undecodable_video"),
        (b"GIF89a" + bytes(40), "undecodable_video"),
    ],
    ids=["sound in MP4", "sound in WebM", "MP4 without anything", "GIF without a frame"],
)
def test_a_bad_video_fails_with_its_code(api: APIClient, data: bytes, code: str) -> None:
    video = read(api, data)
    assert (video["state"], video["error"]["code"], video["result"]) == ("failed", code, None)
    assert kept_inputs() == []


def test_what_is_no_video_is_refused_at_once(api: APIClient) -> None:
    answer = send(api, b"hello, this is text")
    assert answer.status_code == 415
    assert answer.json()["error"]["details"] == {"video": ["not an MP4, MOV, WebM or GIF video"]}
    assert kept_inputs() == []


def test_tracks_of_one_person_are_told_where_identity_is_on(
    client_of: Callable[[str], APIClient], settings: Settings
) -> None:
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True)
    api = client_of(api_key_create("who", scopes=list(Scope))[1])
    names = ("astronaut", "hopper", "astronaut")
    clip = encode_clip(
        chain(*(moving_frames(portrait(name), 0.6, 10, (480, 360)) for name in names)), fps=10, preset="ultrafast"
    )
    video = read(api, clip, attributes="age", **{"store.vectors": "true"})
    people = sorted(video["result"]["people"], key=lambda person: person["scene"])
    assert [person["scene"] for person in people] == [0, 1, 2]
    first, second, third = (person["person"] for person in people)
    assert first == third != second
    assert FaceVector.objects.count() == 3
    assert list(people[0]["face"]["attributes"]) == ["age"]


def test_what_only_one_frame_has_cannot_be_asked_for(api: APIClient) -> None:
    answer = send(api, clip_of_two(), attributes="points")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert answer.json()["error"]["message"] == "attributes: points cannot be asked of a video"


@pytest.mark.parametrize(("rate", "status"), [("0.1", 400), ("16", 400), ("nan", 400), ("15", 202)])
def test_the_rate_has_limits(api: APIClient, rate: str, status: int) -> None:
    assert send(api, b"GIF89a", rate=rate).status_code == status
