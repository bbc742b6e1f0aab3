"""Everything that can be wrong with a request: its code, a message that names the field, and no row."""

import base64
import io
import struct
import zlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from PIL import Image
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.models import Analysis, Face

URL = "/api/v1/analyses"
DATABASE_AWAY = "the database does not answer or cannot be written; try again"


@pytest.fixture(autouse=True)
def no_row_is_written(db: None) -> Any:
    yield
    assert Analysis.objects.count() == 0


def as_file(data: bytes) -> dict[str, Any]:
    return {"image": SimpleUploadedFile("photo.jpg", data, "image/jpeg")}


def as_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def assert_error(answer: Any, status: int, code: str, field: str | None, message: str) -> None:
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    error = body["error"]
    assert (answer.status_code, error["code"], error["message"]) == (status, code, message)
    assert error["details"] == ({field: [message.removeprefix(f"{field}: ")]} if field else {})
    assert set(body) == {"error", "request_id"}
    assert body["request_id"] == answer["X-Request-ID"]
    assert list(error) == ["code", "message", "details"]


def png_of(width: int, height: int) -> bytes:
    """The head of a PNG that claims a size, and a few bytes of pixels: like the start of a decompression bomb."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


REQUIRED = "image: missing; send a file, base64 text or a data URI here, or send `url`"


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "", "text/plain"])
def test_empty_body(api: APIClient, content_type: str) -> None:
    answer = api.generic("POST", URL, b"", content_type=content_type)
    assert_error(answer, 400, "invalid_request", "image", REQUIRED)


def test_body_without_image(api: APIClient) -> None:
    assert_error(api.post(URL, {"max_faces": 2}), 400, "invalid_request", "image", REQUIRED)


def test_empty_file(api: APIClient) -> None:
    answer = api.post(URL, as_file(b""), format="multipart")
    assert_error(answer, 400, "invalid_request", "image", "image: the file is empty")


@pytest.mark.parametrize("text", ["", "  \n", "data:image/png;base64,"])
def test_empty_base64(api: APIClient, text: str) -> None:
    assert_error(api.post(URL, {"image": text}), 400, "invalid_request", "image", "image: the image is empty")


@pytest.mark.parametrize("text", ["!!!!", "abc$", "A", "naïve", "data:image/png;base64,%%%%"])
def test_bad_base64(api: APIClient, text: str) -> None:
    assert_error(api.post(URL, {"image": text}), 400, "invalid_request", "image", "image: not valid base64")


def test_data_uri_without_base64(api: APIClient) -> None:
    message = "image: a data URI must have the form data:image/…;base64,…"
    assert_error(api.post(URL, {"image": "data:image/png,abc"}), 400, "invalid_request", "image", message)


@pytest.mark.parametrize("value", [7, True, ["a"], {"data": "x"}])
def test_image_of_another_type(api: APIClient, value: object) -> None:
    message = "image: must be a file, base64 text or a data URI"
    assert_error(api.post(URL, {"image": value}), 400, "invalid_request", "image", message)


def test_address_in_the_image_field_is_pointed_to_the_right_one(api: APIClient) -> None:
    message = "image: this is a URL; send it in `url`"
    assert_error(api.post(URL, {"image": "https://example.org/a.jpg"}), 400, "invalid_request", "image", message)


NOT_AN_IMAGE = "image: not a JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF or HEIC image"


def test_text_as_image_in_a_file(api: APIClient) -> None:
    answer = api.post(URL, as_file(b"hello, I am a text"), format="multipart")
    assert_error(answer, 415, "unsupported_media_type", "image", NOT_AN_IMAGE)


def test_text_as_image_in_base64(api: APIClient) -> None:
    answer = api.post(URL, {"image": as_text(b"hello, I am a text")})
    assert_error(answer, 415, "unsupported_media_type", "image", NOT_AN_IMAGE)


def test_truncated_jpeg(api: APIClient, grace_hopper: bytes) -> None:
    answer = api.post(URL, as_file(grace_hopper[: len(grace_hopper) // 2]), format="multipart")
    assert_error(answer, 422, "undecodable_image", "image", "image: the JPEG is damaged: data are missing")


def test_png_bomb_is_refused_by_its_header(api: APIClient) -> None:
    message = "image: the image has 20000 × 20000 pixels; the limit is 65,000,000 in all"
    answer = api.post(URL, as_file(png_of(20_000, 20_000)), format="multipart")
    assert_error(answer, 413, "image_too_large", "image", message)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_image_of_one_pixel_has_no_face(api: APIClient, size: tuple[int, int]) -> None:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, "PNG")
    answer = api.post(URL, as_file(file.getvalue()), format="multipart")
    assert answer.status_code == 201
    assert answer.json()["faces"] == []
    assert answer.json()["image"]["width"] == size[0]
    Analysis.objects.all().delete()


def test_two_sources_at_once(api: APIClient, grace_hopper: bytes) -> None:
    both = "image: send either `image` or `url`, not both"
    answer = api.post(URL, {"image": as_text(grace_hopper), "url": "https://example.org/a.jpg"})
    assert_error(answer, 400, "ambiguous_image_source", "image", both)
    answer = api.post(URL, {**as_file(grace_hopper), "url": "https://example.org/a.jpg"}, format="multipart")
    assert_error(answer, 400, "ambiguous_image_source", "image", both)


def test_two_files_at_once(api: APIClient, grace_hopper: bytes) -> None:
    files = [SimpleUploadedFile(name, grace_hopper, "image/jpeg") for name in ("a.jpg", "b.jpg")]
    answer = api.post(URL, {"image": files}, format="multipart")
    assert_error(answer, 400, "ambiguous_image_source", "image", "image: send only one image per request")


def test_unknown_option_is_named(api: APIClient, empty_scene: bytes) -> None:
    known = "unknown field; known fields: attributes, max_faces, min_face_px, store"
    answer = api.post(URL, {"image": as_text(empty_scene), "colour": 1})
    assert_error(answer, 400, "invalid_request", "colour", f"colour: {known}")
    answer = api.post(URL, {**as_file(empty_scene), "colour": "1"}, format="multipart")
    assert_error(answer, 400, "invalid_request", "colour", f"colour: {known}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"store": {"forever": True}},
            "store.forever: unknown field; known fields: image, chips, ttl_days, subject, vectors, result",
        ),
        ({"store": "yes"}, "store: Invalid data. Expected a dictionary, but got str."),
        ({"store": {"ttl_days": 0}}, "store.ttl_days: Ensure this value is greater than or equal to 1."),
        ({"store": {"subject": "x" * 201}}, "store.subject: Ensure this field has no more than 200 characters."),
        ({"store": {"subject": "a\0b"}}, "store.subject: must have no line breaks and no control characters"),
        ({"max_faces": 0}, "max_faces: Ensure this value is greater than or equal to 1."),
        ({"max_faces": 10**30}, "max_faces: Ensure this value is less than or equal to 1000."),
        ({"max_faces": "many"}, "max_faces: A valid integer is required."),
        ({"min_face_px": 3}, "min_face_px: Ensure this value is greater than or equal to 12."),
        ({"attributes": []}, "attributes: This list may not be empty."),
        ({"attributes": ["height"]}, 'attributes.0: "height" is not a valid choice.'),
        ({"attributes": "age"}, 'attributes: Expected a list of items but got type "str".'),
    ],
)
def test_bad_option_is_named(api: APIClient, empty_scene: bytes, options: dict[str, Any], message: str) -> None:
    answer = api.post(URL, {"image": as_text(empty_scene), **options})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["message"]) == (400, "invalid_request", message)
    assert list(error["details"]) == list(options)


def test_bad_form_is_named(api: APIClient, empty_scene: bytes) -> None:
    answer = api.post(URL, {**as_file(empty_scene), "store": "{"}, format="multipart")
    assert_error(answer, 400, "invalid_request", "store", "store: not a JSON object")
    answer = api.post(URL, {**as_file(empty_scene), "max_faces": ["1", "2"]}, format="multipart")
    assert_error(answer, 400, "invalid_request", "max_faces", "max_faces: sent more than once")
    answer = api.post(URL, {**as_file(empty_scene), "store": "{}", "store.image": "true"}, format="multipart")
    assert_error(answer, 400, "invalid_request", "store", "store: sent twice: as JSON and as separate fields")


@pytest.mark.parametrize("body", ["{", '{"image": NaN}', "\xff", '{"image": ' + "[" * 100_000])
def test_malformed_json(api: APIClient, body: str) -> None:
    answer = api.generic("POST", URL, body.encode("latin-1"), content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "body",
    ['{"image": "\\ud800"}', '{"image": "AAAA", "\\ud800": 1}', '{"image": "AAAA", "store": {"subject": "\\ud800"}}'],
)
def test_half_a_surrogate_pair_is_refused_and_can_be_quoted(api: APIClient, body: str) -> None:
    answer = api.generic("POST", URL, body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("body", ["[]", '"image"', "3", "null"])
def test_json_that_is_no_object(api: APIClient, body: str) -> None:
    answer = api.generic("POST", URL, body, content_type="application/json")
    assert_error(answer, 400, "invalid_request", None, "the body must be a JSON object")


def test_malformed_multipart(api: APIClient) -> None:
    answer = api.generic("POST", URL, b"no boundary here", content_type="multipart/form-data")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


def test_body_of_another_type(api: APIClient, grace_hopper: bytes) -> None:
    answer = api.generic("POST", URL, grace_hopper, content_type="image/jpeg")
    message = 'Content-Type: Unsupported media type "image/jpeg" in request.'
    assert_error(answer, 415, "unsupported_media_type", None, message)


@pytest.mark.parametrize("format", ["json", "multipart"])
def test_more_bytes_than_the_limit(api: APIClient, settings: Settings, format: str) -> None:
    too_many = b"\xff\xd8" + bytes(settings.MAX_IMAGE_BYTES)
    body = {"image": as_text(too_many)} if format == "json" else as_file(too_many)
    answer = api.post(URL, body, format=format)
    message = "image: the image has 26,214,402 bytes; the limit is 26,214,400"
    assert_error(answer, 413, "image_too_large", "image", message)


@pytest.mark.parametrize("format", ["json", "multipart"])
def test_huge_body_is_refused_before_it_is_read(api: APIClient, settings: Settings, format: str) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = {"image": "A" * 2000} if format == "json" else as_file(b"A" * 2000)
    answer = api.post(URL, body, format=format)
    length = answer.wsgi_request.META["CONTENT_LENGTH"]
    message = f"image: the request has {int(length):,} bytes; the limit is 1,000"
    assert_error(answer, 413, "image_too_large", "image", message)


def test_body_without_a_length_is_not_mistaken_for_an_empty_one(api: APIClient) -> None:
    answer = api.generic("POST", URL, "", content_type="application/json", HTTP_TRANSFER_ENCODING="chunked")
    message = "Transfer-Encoding: send the body with a Content-Length instead"
    assert_error(answer, 400, "invalid_request", None, message)


def test_too_many_form_fields(api: APIClient, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 5
    answer = api.post(URL, {f"field{i}": "x" for i in range(9)}, format="multipart")
    assert_error(answer, 400, "invalid_request", None, "the request is malformed and could not be read")


def test_url_is_forbidden_where_the_server_does_not_fetch(api: APIClient, settings: Settings) -> None:
    settings.XCLOUD_URL_INPUT = False
    answer = api.post(URL, {"url": "https://example.org/a.jpg"})
    message = "url: this server does not fetch images from URLs"
    assert_error(answer, 422, "url_forbidden", "url", message)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/a.jpg", "http://[::1]/", "http://169.254.169.254/latest", "http://localhost/"]
)
def test_private_address_is_forbidden(api: APIClient, settings: Settings, url: str) -> None:
    settings.XCLOUD_URL_PORTS = {80, 8000}
    assert_error(
        api.post(URL, {"url": url}), 422, "url_forbidden", "url", "url: the host is not on the public internet"
    )


@pytest.mark.parametrize("url", ["", 3, [], {}])
def test_url_of_another_type(api: APIClient, url: object) -> None:
    assert_error(api.post(URL, {"url": url}), 400, "invalid_request", "url", "url: must be an http or https URL")


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v1/analyses/", "/api/v1/analyses/7", "/api/v2/analyses", "/api/"]
)
def test_unknown_route_is_json(api: APIClient, path: str) -> None:
    for answer in (api.get(path), api.post(path, {}), APIClient().get(path)):
        assert_error(answer, 404, "not_found", None, "no route has this path")


def test_wrong_method_is_json_and_names_the_right_ones(api: APIClient) -> None:
    answer = api.put(URL, {})
    assert_error(answer, 405, "method_not_allowed", None, 'Method "PUT" not allowed.')
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_accept_header_never_turns_an_answer_into_html(api: APIClient) -> None:
    answer = api.get(URL, HTTP_ACCEPT="text/html")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_database_that_does_not_answer_is_503(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*args: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("api.views.analyses.analyses_of", locked)
    answer = api.get(URL)
    assert_error(answer, 503, "database_unavailable", None, DATABASE_AWAY)
    assert answer["Retry-After"] == "5"


def test_unforeseen_error_is_logged_and_tells_nothing(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("the secret plan")

    monkeypatch.setattr("api.views.analyses.analyses_of", broken)
    answer = api.get(URL)
    assert_error(answer, 500, "internal_error", None, "the server failed; its log has the reason under this request_id")
    assert "the secret plan" in caplog.text


def test_failed_save_is_an_error_and_leaves_nothing(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, grace_hopper: bytes
) -> None:
    def lost(*args: object, **kwargs: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(Face.objects, "bulk_create", lost)
    answer = api.post(URL, as_file(grace_hopper), format="multipart")
    assert_error(answer, 503, "database_unavailable", None, DATABASE_AWAY)
    assert not Analysis.objects.exists()


def test_request_id_is_taken_over_when_harmless_and_replaced_when_not(api: APIClient) -> None:
    assert api.get("/api/v1/nothing", HTTP_X_REQUEST_ID="abc-1").json()["request_id"] == "abc-1"
    for given in ("x" * 65, "a b", "a\nb", "<script>"):
        answer = api.get("/api/v1/nothing", HTTP_X_REQUEST_ID=given)
        assert answer.json()["request_id"] != given
        assert len(answer.json()["request_id"]) == 32


@pytest.mark.parametrize("path", ["analyses?gender=female&gender=male", "jobs?state=done&state=done"])
def test_a_filter_given_twice_is_refused_by_name(api: APIClient, path: str) -> None:
    name = path.partition("?")[2].partition("=")[0]
    answer = api.get(f"/api/v1/{path}")
    assert_error(answer, 400, "invalid_request", name, f"{name}: give it once, not several times")
