"""The models in service, and the charts of their cards."""

from dataclasses import asdict

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.serializers import ModelCardSerializer, ModelDetailSerializer
from api.views.base import JsonView
from cv.cards import card_file, written_card
from cv.engine.model_card import ModelCard
from cv.serving.engines import served_engine


class ModelsView(JsonView):
    @extend_schema(**schema.MODEL_LIST)
    def get(self, request: Request) -> Response:
        return Response({"results": ModelCardSerializer(served_engine().catalog.cards, many=True).data})


class ModelView(JsonView):
    @extend_schema(**schema.MODEL_READ)
    def get(self, request: Request, name: str) -> Response:
        card = served_card(name)
        everything = {**asdict(card), **asdict(written_card(card))}
        return Response(ModelDetailSerializer(everything, context={"request": request, "name": name}).data)


class ModelFileView(JsonView):
    @extend_schema(**schema.MODEL_FILE_READ)
    def get(self, request: Request, name: str, file_name: str) -> HttpResponse:
        card = served_card(name)
        if all(picture.file != file_name for picture in written_card(card).pictures):
            raise NotFound("the card of this model has no file of this name")
        return card_file(card.name, file_name)


def served_card(name: str) -> ModelCard:
    """Raises NotFound for a model that is not in service."""
    for card in served_engine().catalog.cards:
        if card.name == name:
            return card
    raise NotFound("no model in service has this name")
