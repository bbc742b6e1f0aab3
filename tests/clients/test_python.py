"""The Python client against the real server, over HTTP."""

import asyncio
import inspect
import io
import json
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from pytest_django.live_server_helper import LiveServer

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "python"
sys.path.insert(0, str(CLIENT))

from xcloud_client import (  # noqa: E402 -- not installed, only put on the path
    ApiError,
    AsyncXCloud,
    Unsure,
    XCloud,
    answer,
    guess,
    likely,
    webhook_is_genuine,
)
from xcloud_client.answers import loads  # noqa: E402

from cv.models import Analysis  # noqa: E402
from cv.outbound.webhooks import signature  # noqa: E402
from cv.services import api_key_create  # noqa: E402
from tests.archives import zip_of  # noqa: E402
from tests.clips import encode_clip, moving_frames, portrait  # noqa: E402
from tests.jobs import work_through  # noqa: E402


@pytest.fixture
def key(transactional_db: None) -> str:
    return api_key_create("client")[1]


@pytest.fixture
def cloud(live_server: LiveServer, key: str) -> Any:
    with XCloud(live_server.url, key) as client:
        yield client


def test_likely_traits_are_the_most_probable_first() -> None:
    flags: Any = {"probabilities": {"bald": 0.1, "smiling": 0.7, "eyeglasses": 0.9}}
    assert likely(flags) == ["eyeglasses", "smiling"]
    assert likely(flags, at_least=0.8) == ["eyeglasses"]


def test_every_method_against_the_real_server(cloud: XCloud, grace_hopper: bytes, tmp_path: Path) -> None:
    file = tmp_path / "secret-name.jpg"
    file.write_bytes(grace_hopper)
    made = cloud.analyse(file, attributes=["age", "gender"], subject="a/b ü", keep_picture=True, ttl_days=3)
    assert list(made["faces"][0]["attributes"]) == ["age", "gender"]
    assert answer(made["faces"][0], "age") == made["faces"][0]["attributes"]["age"]
    assert answer(made["faces"][0], "race") is None
    assert [model["name"] for model in made["models"]] == ["xcloud-attributes"]
    assert made["image"]["width"] == 512
    row = Analysis.objects.get()
    assert (row.subject, row.expires_at is not None) == ("a/b ü", True)

    assert cloud.analysis(made["id"]) == made
    assert cloud.detect(grace_hopper, max_faces=1)["faces"][0]["box"] == made["faces"][0]["box"]
    assert cloud.reanalyse(made["id"])["faces"] == made["faces"]
    assert cloud.picture(made["id"])[:3] == b"\xff\xd8\xff"
    model, *others = cloud.models()
    assert "face-mesh" in [other["name"] for other in others]
    assert model["labels"]["gender"] == ["female", "male"]
    assert cloud.model(model["name"])["evaluations"][0]["n"] > 0
    more = [cloud.analyse(grace_hopper, subject="x")["id"] for _ in range(3)]
    assert [found["id"] for found in cloud.analyses(subject="x", page_size=2)] == more[::-1]
    cloud.delete(more[0])
    assert len(list(cloud.analyses())) == 3
    assert len(cloud.export("a/b ü")["analyses"]) == 1
    assert cloud.erase("a/b ü")["receipt"]["deleted"]["pictures"] == 1


def test_refusal_is_an_error_with_the_stable_code(cloud: XCloud) -> None:
    with pytest.raises(ApiError) as refused:
        cloud.analyse(b"no picture")
    assert (refused.value.status, refused.value.code) == (415, "unsupported_media_type")
    assert len(refused.value.request_id) == 32
    with pytest.raises(ApiError) as refused:
        cloud.analyse("http://127.0.0.1/a.jpg")
    assert refused.value.code == "url_forbidden"


def test_busy_server_is_asked_again_with_the_same_idempotency_key(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            raise httpx.ConnectError("broken")
        if len(asked) == 2:
            return httpx.Response(503, headers={"Retry-After": "7"}, text="<html>a proxy's page</html>")
        return httpx.Response(200, json={"faces": []})

    with XCloud("http://xcloud", "k", transport=httpx.MockTransport(handle)) as cloud:
        assert cloud.detect(b"x") == {"faces": []}
    assert waits == [1, 7]
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 1
    assert str(asked[0].url) == "http://xcloud/api/v1/detections"


def test_webhook_signature_is_checked_and_aged() -> None:
    header = signature("whsec_x", 1_700_000_000, b"{}")
    assert webhook_is_genuine("whsec_x", header, b"{}", now=1_700_000_100)
    assert not webhook_is_genuine("whsec_x", header, b"{ }", now=1_700_000_100)
    assert not webhook_is_genuine("whsec_y", header, b"{}", now=1_700_000_100)
    assert not webhook_is_genuine("whsec_x", header, b"{}", now=1_700_000_400)
    for nonsense in ("", "t=,v1=", "t=x,v1=y", "v1=abc"):
        assert not webhook_is_genuine("whsec_x", nonsense, b"{}")


def test_a_job_from_an_archive_and_from_earlier_analyses(cloud: XCloud, grace_hopper: bytes, tmp_path: Path) -> None:
    file = tmp_path / "photos.zip"
    file.write_bytes(zip_of([("hopper.jpg", grace_hopper), ("scan.pdf", b"no image")]))
    kept = cloud.analyse(grace_hopper, keep_picture=True)
    job = cloud.start_job(archive=file, attributes=["age"], subject="x", ttl_days=3)
    again = cloud.start_job(analyses=[kept["id"]], priority=-1)
    assert job["options"]["store"] == {"image": False, "chips": False, "ttl_days": 3, "subject": "x", "vectors": False}
    assert cloud.job(again["id"])["counts"]["pending"] == 1
    work_through()
    assert cloud.finished_job(job["id"])["counts"]["failed"] == 1
    described, failed = cloud.results(job["id"])
    assert list(described["analysis"]["faces"][0]["attributes"]) == ["age"]
    assert failed["error"]["code"] == "unsupported_media_type"
    with pytest.raises(ApiError) as refused:
        cloud.cancel_job(job["id"])
    assert refused.value.code == "job_conflict"
    cloud.delete_job(job["id"], analyses=True)
    assert Analysis.objects.count() == 2
    with pytest.raises(ApiError):
        list(cloud.results(job["id"]))


def test_a_video_with_its_people_table_and_stills(cloud: XCloud) -> None:
    clip = encode_clip(moving_frames(portrait("astronaut"), 1, 10, (480, 360)), fps=10, preset="ultrafast")
    job = cloud.start_video(io.BytesIO(clip), rate=2, attributes=["expression"], keep_picture=True)
    assert cloud.video(job["id"])["result"] is None
    work_through()
    result = cloud.video(job["id"])["result"]
    (person,) = result["people"]
    assert (result["rate"], person["frames"], list(person["face"]["attributes"])) == (2.0, 2, ["expression"])
    assert cloud.video_table(job["id"]).count(b"\r\n") == 3
    for picture in (cloud.video_frame(job["id"], 1), cloud.video_still(job["id"], 0, "happiness")):
        assert picture.startswith(b"\xff\xd8\xff")


# Answers that abstained.

BOTH = (
    b'{"sure": {"label": "female", "abstained": false}, "unsure": {"value": 61.0, "interval": null, "abstained": true}}'
)


def test_an_answer_that_abstained_cannot_be_read_by_mistake() -> None:
    read = loads(BOTH)
    assert read["sure"]["label"] == "female"
    assert read["unsure"]["abstained"]
    for reading in (lambda: read["unsure"]["value"], lambda: read["unsure"].get("interval")):
        with pytest.raises(Unsure, match="this answer abstained"):
            reading()
    assert guess(read["unsure"], "value") == 61.0
    assert json.loads(json.dumps(read)) == json.loads(BOTH) == read


# Uploads.


def test_a_file_object_is_sent_from_where_it_stands_on_every_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    bodies: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(503 if len(bodies) == 1 else 202, json={"id": "1"})

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    for kind in (io.BytesIO, Pipe):
        bodies.clear()
        file = kind(b"read already, the archive")
        file.read(len(b"read already, "))
        with XCloud("http://xcloud", "k", transport=httpx.MockTransport(handle)) as cloud:
            assert cloud.start_job(archive=file)["id"] == "1"
        assert [b"read already" in body for body in bodies] == [False, False]
        assert [b"the archive" in body for body in bodies] == [True, True]


def test_a_file_in_text_mode_is_refused(cloud: XCloud) -> None:
    with pytest.raises(TypeError, match="binary mode"):
        cloud.analyse(io.StringIO("text"))  # type: ignore[arg-type]


def test_each_kind_of_picture_is_analyzed_alike(cloud: XCloud, grace_hopper: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(grace_hopper)
    found = [
        cloud.detect(picture)["faces"]
        for picture in (grace_hopper, bytearray(grace_hopper), file, str(file), io.BytesIO(grace_hopper))
    ]
    assert found[1:] == found[:-1]
    assert len(found[0]) == 1


def test_an_answer_need_not_be_kept(cloud: XCloud, grace_hopper: bytes) -> None:
    made = cloud.analyse(grace_hopper, attributes=["age"], keep_result=False)
    assert "id" not in made
    assert Analysis.objects.count() == 0
    assert cloud.preview(grace_hopper)[:3] == b"\xff\xd8\xff"


def test_a_picture_comes_back_with_its_faces_hidden(cloud: XCloud, grace_hopper: bytes) -> None:
    hidden = cloud.redact(grace_hopper, cover="bar", faces=[0], colour="#1e90ff", format="png")
    assert Image.open(io.BytesIO(hidden)).getpixel((262, 190)) == (0x1E, 0x90, 0xFF)


def test_a_picture_comes_back_with_another_background(cloud: XCloud, grace_hopper: bytes) -> None:
    portrait = cloud.portray(grace_hopper, background="colour", colour="#1e90ff", format="png")
    assert Image.open(io.BytesIO(portrait)).getpixel((500, 20)) == (0x1E, 0x90, 0xFF)


# Jobs.


def test_a_job_has_all_options_and_can_be_paused(cloud: XCloud, grace_hopper: bytes) -> None:
    zipped = zip_of([("a.jpg", grace_hopper), ("b.jpg", grace_hopper)])
    options = {"max_faces": 3, "min_face_px": 50, "keep_picture": True, "ttl_days": 4, "subject": "x"}
    from_archive = cloud.start_job(archive=zipped, priority=-2, attributes=["age"], **options)
    kept = cloud.analyse(grace_hopper, keep_picture=True)
    from_json = cloud.start_job(analyses=[kept["id"]], priority=-2, attributes=["age"], **options)
    assert from_archive["options"] == from_json["options"]
    assert from_json["options"] == {
        "attributes": ["age"],
        "max_faces": 3,
        "min_face_px": 50,
        "store": {"image": True, "chips": False, "ttl_days": 4, "subject": "x", "vectors": False},
        "search": None,
    }
    assert cloud.pause_job(from_archive["id"])["state"] == "paused"
    assert [job["id"] for job in cloud.jobs(state="paused")] == [from_archive["id"]]
    assert cloud.resume_job(from_archive["id"])["state"] in ("listing", "pending")
    work_through()
    assert [job["state"] for job in cloud.progress(from_archive["id"])] == ["done"]
    assert [item["name"] for item in cloud.job_items(from_archive["id"], page_size=1)] == ["a.jpg", "b.jpg"]


def test_results_are_saved_in_the_format_of_the_name(cloud: XCloud, grace_hopper: bytes, tmp_path: Path) -> None:
    job = cloud.start_job(archive=zip_of([("a.jpg", grace_hopper)]))
    work_through()
    for name, start in (("a.csv", b"\xef\xbb\xbfindex,name"), ("a.parquet", b"PAR1"), ("a.jsonl", b'{"index"')):
        cloud.save_results(job["id"], tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(ApiError):
        cloud.save_results(job["id"], tmp_path / "a.xlsx")
    assert not (tmp_path / "a.xlsx").exists()


# The async twin.


def shape_of(method: Any) -> list[tuple[str, Any, Any]]:
    """Names, defaults and annotations of its parameters."""
    parameters = inspect.signature(method).parameters.values()
    return [(each.name, each.default, str(each.annotation).replace("Async", "")) for each in parameters]


def test_the_async_twin_has_the_same_methods() -> None:
    methods = {name for name, _ in inspect.getmembers(XCloud, inspect.isfunction) if not name.startswith("__")}
    twins = {name for name, _ in inspect.getmembers(AsyncXCloud, inspect.isfunction) if not name.startswith("__")}
    assert methods == twins
    for name in methods | {"__init__"}:
        assert shape_of(getattr(XCloud, name)) == shape_of(getattr(AsyncXCloud, name)), name


def test_the_async_twin_works_against_the_real_server(
    live_server: LiveServer, key: str, grace_hopper: bytes, tmp_path: Path
) -> None:
    async def walk() -> str:
        async with AsyncXCloud(live_server.url, key) as cloud:
            first, second = await asyncio.gather(
                *(cloud.analyse(io.BytesIO(grace_hopper), subject="x", attributes=["age"]) for _ in range(2))
            )
            assert {found["id"] async for found in cloud.analyses(subject="x", page_size=1)} == {
                first["id"],
                second["id"],
            }
            with pytest.raises(ApiError) as refused:
                await cloud.analyse(b"no picture")
            assert refused.value.code == "unsupported_media_type"
            job = await cloud.start_job(archive=io.BytesIO(zip_of([("a.jpg", grace_hopper)])), attributes=["age"])
            return job["id"]

    async def results(job_id: str) -> list[Any]:
        async with AsyncXCloud(live_server.url, key) as cloud:
            await cloud.finished_job(job_id)
            await cloud.save_results(job_id, tmp_path / "a.parquet")
            return [line async for line in cloud.results(job_id)]

    job_id = run(walk())
    work_through()
    (line,) = run(results(job_id))
    assert list(line["analysis"]["faces"][0]["attributes"]) == ["age"]
    assert (tmp_path / "a.parquet").read_bytes()[:4] == b"PAR1"


def run(walk: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(walk)
