"""The page of the model in service: what it is, what it was trained on, and how often it is right."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from cv.abstention import limit_of
from cv.cards import card_file, card_html, crossed_groups, written_card
from cv.engine.errors import EngineError
from cv.engine.labels import Attribute
from cv.serving.engines import served_engine
from web.pages.base import page


@page
def model(request: HttpRequest, name: str) -> HttpResponse:
    """What the model in service is, what it was trained on, and how often it is right."""
    try:
        card = served_engine().card
    except EngineError:
        return render(request, "model.html", {"name": name}, status=503)
    if card.name != name:
        raise Http404
    written = written_card(card)
    context = {
        "name": name,
        "card": card,
        "share": round((card.interval_coverage or 0) * 100),
        "limits": {attribute.value: limit_of(attribute) for attribute in Attribute},
        "groups": crossed_groups(written),
        "text": card_html(written.markdown) if written.markdown else None,
    }
    return render(request, "model.html", context)


@page
def model_file(request: HttpRequest, name: str, file_name: str) -> HttpResponse:
    """A chart of the model's card."""
    return card_file(name, file_name)
