"""The page that describes the camera's picture while it runs. Its script asks the API, which keeps nothing of it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cv.engine.labels import CLASSES, Attribute
from web.pages.base import caller_of, page


@page
def live(request: HttpRequest) -> HttpResponse:
    """With the expressions of which stills can be kept, if this server estimates expressions."""
    served = Attribute.EXPRESSION in caller_of(request).attributes
    return render(request, "live.html", {"expressions": CLASSES[Attribute.EXPRESSION] if served else ()})
