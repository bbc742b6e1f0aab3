"""The page that describes the camera's picture while it runs. Its script asks the API, which keeps nothing of it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cv.engine.labels import CLASSES, Attribute
from web.pages.base import page


@page
def live(request: HttpRequest) -> HttpResponse:
    return render(request, "live.html", {"expressions": CLASSES[Attribute.EXPRESSION]})
