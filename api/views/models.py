"""The models in service."""

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.serializers import ModelCardSerializer
from api.views.base import JsonView
from cv.serving import served_engine


class ModelsView(JsonView):
    @extend_schema(**schema.MODEL_LIST)
    def get(self, request: Request) -> Response:
        return Response({"results": [ModelCardSerializer(served_engine().card).data]})


class ModelView(JsonView):
    @extend_schema(**schema.MODEL_READ)
    def get(self, request: Request, name: str) -> Response:
        card = served_engine().card
        if card.name != name:
            raise NotFound
        return Response(ModelCardSerializer(card).data)
