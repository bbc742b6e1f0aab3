"""Forms fill neither disk nor memory: pages refuse large bodies, and large files leave nothing behind."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from xcloud.uploads import MAX_PAGE_BODY, PageBodyMiddleware

LARGE = 3 * 1024 * 1024


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """The folder of large uploads during a request."""
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    yield tmp_path
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["/login/", "/admin/login/", "/i18n/setlang/", "/logout/", "/nowhere"])
def test_pages_refuse_what_is_larger_than_their_forms_before_it_is_read(path: str) -> None:
    body = io.BytesIO(bytes(MAX_PAGE_BODY + 1))
    answer = Client().generic("POST", path, b"", "multipart/form-data; boundary=x", CONTENT_LENGTH=MAX_PAGE_BODY + 1)
    assert answer.status_code == 413
    request = RequestFactory().generic("POST", path, body.getvalue(), "multipart/form-data; boundary=x")

    def never(_: HttpRequest) -> HttpResponse:
        raise AssertionError("the page was asked")

    assert PageBodyMiddleware(never)(request).status_code == 413
    assert request._read_started is False


def test_a_large_file_is_whole_has_no_name_and_goes_with_its_request(folder: Path) -> None:
    content = bytes(range(256)) * (LARGE // 256)
    request = RequestFactory().post("/api/v1/jobs", {"archive": SimpleUploadedFile("a.zip", content)})
    file = request.FILES["archive"]
    assert not list(folder.iterdir())
    assert (file.name, file.size, file.read()) == ("a.zip", len(content), content)
    request.close()
    assert file.closed


def test_a_form_that_breaks_off_leaves_nothing_open(folder: Path) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="archive"; filename="a"\r\n\r\n'
    request = RequestFactory().generic("POST", "/api/v1/jobs", head + bytes(LARGE), "multipart/form-data; boundary=x")
    assert not list(request.FILES)
    assert not list(folder.iterdir())
