"""The page from which pictures go out: their faces hidden, or another background behind people."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from web.pages.base import page


@page
def pictures(request: HttpRequest) -> HttpResponse:
    return render(request, "pictures.html", {"max_bytes": settings.MAX_IMAGE_BYTES})
