"""The Python client against the real server, over HTTP."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django.live_server_helper import LiveServer

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "python"
sys.path.insert(0, str(CLIENT))

from xcloud_client import ApiError, XCloud, answer, webhook_is_genuine  # noqa: E402 -- not installed, only put on the path

from cv.models import Analysis  # noqa: E402
from cv.outbound.webhooks import signature  # noqa: E402
from cv.services import api_key_create  # noqa: E402
from tests.archives import zip_of  # noqa: E402
from tests.jobs import work_through  # noqa: E402


@pytest.fixture
def key(transactional_db: None) -> str:
    return api_key_create("client")[1]


@pytest.fixture
def cloud(live_server: LiveServer, key: str) -> Any:
    with XCloud(live_server.url, key) as client:
        yield client


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
    (model,) = cloud.models()
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


def test_example_prints_a_line_a_face(live_server: LiveServer, key: str, grace_hopper: bytes, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(grace_hopper)
    ended = subprocess.run(
        [sys.executable, str(CLIENT / "examples" / "describe.py"), str(photo), live_server.url],
        env={**os.environ, "XCLOUD_KEY": key, "PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (line,) = ended.stdout.splitlines()
    assert line.startswith("face 0: about ")


def test_a_job_from_an_archive_and_from_earlier_analyses(cloud: XCloud, grace_hopper: bytes, tmp_path: Path) -> None:
    file = tmp_path / "photos.zip"
    file.write_bytes(zip_of([("hopper.jpg", grace_hopper), ("scan.pdf", b"no image")]))
    kept = cloud.analyse(grace_hopper, keep_picture=True)
    job = cloud.start_job(archive=file, attributes=["age"], subject="x", ttl_days=3)
    again = cloud.start_job(analyses=[kept["id"]], priority=-1)
    assert job["options"]["store"] == {"image": False, "ttl_days": 3, "subject": "x"}
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
