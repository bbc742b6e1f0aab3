"""What forms bring: pages take none of it, and large files have no name on the disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse

MAX_PAGE_BODY: Final = 64 * 1024
# The page's table names up to a thousand photos, each by its id and its file's name.
LARGER_BODIES: Final = {"/analyses.csv": 1024 * 1024}
# Everything else is a page, whose forms have no files.
TAKES_FILES: Final = ("/api/", "/cv/fbp")


class PageBodyMiddleware:
    """Refuses the body of a page that is larger than its forms, before anything parses it."""

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
    """Keeps a file that is too large for memory where no name leads to it.

    It is gone when it is closed, which Django does behind each request, and when the process ends, however it does.
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
