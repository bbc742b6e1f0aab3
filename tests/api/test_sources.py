"""Images at an address that a client named."""

import base64

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.models import Analysis
from tests.site import Site


def test_url_gives_the_same_faces_as_base64(api: APIClient, site: Site, grace_hopper: bytes) -> None:
    fetched = api.post("/api/v1/analyses", {"url": f"{site.address}/photo.jpg?size=1"})
    sent = api.post("/api/v1/analyses", {"image": base64.b64encode(grace_hopper).decode()})
    assert fetched.status_code == 201
    assert len(fetched.json()["faces"]) == 1
    assert fetched.json()["faces"] == sent.json()["faces"]
    assert Analysis.objects.get(pk=fetched.json()["id"]).source == "url"


def test_url_that_gives_no_image_is_422(api: APIClient, site: Site) -> None:
    answer = api.post("/api/v1/analyses", {"url": f"{site.address}/missing"})
    assert answer.status_code == 422
    assert answer.json()["error"] == {
        "code": "url_fetch_failed",
        "message": "url: the server answered 404",
        "details": {"url": ["the server answered 404"]},
    }
    assert Analysis.objects.count() == 0


def test_empty_answer_is_400(api: APIClient, site: Site) -> None:
    answer = api.post("/api/v1/analyses", {"url": f"{site.address}/empty"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "url: the file is empty")


def test_host_that_is_not_on_the_list_is_forbidden(api: APIClient, site: Site, settings: Settings) -> None:
    settings.XCLOUD_URL_ALLOWED_HOSTS = ["images.example.org"]
    answer = api.post("/api/v1/analyses", {"url": f"{site.address}/photo.jpg?size=1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "url_forbidden")
    assert answer.json()["error"]["message"] == "url: the host is not one of this server's allowed hosts"
    assert site.seen == []


@pytest.mark.parametrize("path", ["/photo.jpg", "/api/v1/analyses"])
def test_port_that_is_not_one_of_the_web_is_forbidden(api: APIClient, settings: Settings, path: str) -> None:
    answer = api.post("/api/v1/analyses", {"url": f"http://example.org:22{path}"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "url: port 22 is not allowed")


def test_an_empty_url_of_a_form_counts_as_absent(api: APIClient, grace_hopper: bytes) -> None:
    form = {"image": SimpleUploadedFile("a.jpg", grace_hopper), "url": " "}
    assert api.post("/api/v1/analyses", form, format="multipart").status_code == 201
    answer = api.post("/api/v1/analyses", {"url": ""}, format="multipart")
    assert answer.json()["error"]["message"].startswith("image: missing; send a file")
