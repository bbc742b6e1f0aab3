"""Parts without a file name, and bodies that are compressed."""

import base64
import gzip
import io
import json
from typing import Any

import pytest
from PIL import Image
from rest_framework.test import APIClient

from cv.models import Analysis, Job
from tests.archives import zip_of
from tests.jobs import list_archives

URL = "/api/v1/analyses"


def part(name: str, data: bytes, headers: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n{headers}\r\n'.encode() + data + b"\r\n"


def sent(api: APIClient, *parts: bytes, path: str = URL) -> Any:
    return api.generic("POST", path, b"".join(parts) + b"--b--\r\n", content_type="multipart/form-data; boundary=b")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_an_image_whose_part_has_no_file_name_is_taken(
    api: APIClient, db: None, grace_hopper: bytes, kind: str
) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(grace_hopper)).save(file, kind)
    answer = sent(
        api, part("image", file.getvalue(), f"Content-Type: image/{kind.lower()}\r\n"), part("max_faces", b"1")
    )
    assert answer.status_code == 201, answer.content
    assert (Analysis.objects.get().source, len(answer.json()["faces"])) == ("upload", 1)


def test_an_archive_whose_part_has_no_file_name_is_taken(api: APIClient, grace_hopper: bytes) -> None:
    answer = sent(api, part("archive", zip_of([("a.jpg", grace_hopper)])), path="/api/v1/jobs")
    assert answer.status_code == 202
    list_archives()
    assert Job.objects.get().item_count == 1


def test_text_of_a_form_is_read_as_before(api: APIClient, grace_hopper: bytes) -> None:
    image = part("image", base64.b64encode(grace_hopper))
    assert sent(api, image, part("store.subject", "Zoë 王".encode())).status_code == 201
    assert sent(api, image, part("store.subject", b"Zo\xeb")).status_code == 201
    assert set(Analysis.objects.values_list("subject", "source")) == {("Zoë 王", "base64"), ("Zo\ufffd", "base64")}


@pytest.mark.parametrize("path", [URL, "/api/v1/jobs", "/api/v1/subjects/x/erase"])
def test_a_compressed_body_is_refused_for_what_it_is(api: APIClient, path: str) -> None:
    body = gzip.compress(json.dumps({"image": "AAAA"}).encode())
    answer = api.generic("POST", path, body, content_type="application/json", HTTP_CONTENT_ENCODING="gzip")
    assert answer.status_code == 415
    assert answer.json()["error"] == {
        "code": "unsupported_media_type",
        "message": "Content-Encoding: compressed bodies are not accepted; send the body as it is",
        "details": {"Content-Encoding": ["compressed bodies are not accepted; send the body as it is"]},
    }


def test_a_body_that_says_it_is_not_compressed_is_read(api: APIClient, empty_scene: bytes) -> None:
    body = json.dumps({"image": base64.b64encode(empty_scene).decode()})
    answer = api.generic("POST", URL, body, content_type="application/json", HTTP_CONTENT_ENCODING="identity")
    assert answer.status_code == 201
