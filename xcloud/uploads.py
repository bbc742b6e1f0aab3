"""Limits request bodies: pages take only small forms, and large uploads are stored in files without a name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse

MAX_PAGE_BODY: Final = 64 * 1024
# The page's table lists up to a thousand photos, each with its id and file name.
LARGER_BODIES: Final = {"/analyses.csv": 1024 * 1024}
# All other routes are pages, whose forms have no files.
TAKES_FILES: Final = ("/api/", "/cv/fbp")


class PageBodyMiddleware:
    """Refuses bodies for pages that are larger than any form, before they are parsed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        announced = str(request.META.get("CONTENT_LENGTH") or "0")
        most = LARGER_BODIES.get(request.path, MAX_PAGE_BODY)
        if not request.path.startswith(TAKES_FILES) and (not announced.isdigit() or int(announced) > most):
            text = f"This page takes forms of up to {most:,} bytes.\n"
            return HttpResponse(text, status=413, content_type="text/plain; charset=utf-8")
        return self.get_response(request)


class UnnamedFileUploadHandler(FileUploadHandler):
    """Stores a file that is too large for memory in a file without a name.

    The system deletes it when Django closes it after the request, or when the process ends, even after a crash.
    """

    file: UploadedFile[Any]

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        kept = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 -- closed with the request
        self.file = UploadedFile(kept, self.file_name, self.content_type, 0, self.charset, self.content_type_extra)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[Any]:
        self.file.seek(0)
        self.file.size = file_size
        return self.file

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            self.file.close()
