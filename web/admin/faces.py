"""All faces, searched and filtered by every attribute."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cv.engine.outputs import Shape, public_outputs
from cv.models import Face
from web.admin.answers import Shares, answer_columns
from web.admin.base import ReadOnlyAdmin, note_list
from web.admin.filters import FACE_FILTERS, named


@admin.register(Face)
class FaceAdmin(Shares, ReadOnlyAdmin):
    # Faces cannot be deleted here: an analysis without one face would be incomplete.
    list_display_links = ("index",)
    list_filter = FACE_FILTERS
    list_select_related = ("analysis",)
    search_fields = ("analysis__subject",)
    search_help_text = _("An analysis's id, a subject or a picture's SHA-256, whole")
    ordering = ("-pk",)

    def get_list_display(self, request: HttpRequest) -> Any:
        return ("of", "index", *answer_columns(), "sure_of_face", "quality")

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """The columns of estimates, which have an order."""
        shown = zip(public_outputs(), answer_columns(), strict=True)
        return [column for output, column in shown if output.default and output.shape is Shape.ESTIMATE]

    @admin.display(description=_("Analysis"))
    def of(self, face: Face) -> SafeString:
        address = reverse("admin:cv_analysis_change", args=[face.analysis_id])
        return format_html('<a href="{}">{}</a>', address, date_format(face.analysis.created_at, "DATETIME_FORMAT"))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        return (queryset.filter(named(term, "analysis__")) if term else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        note_list(request, response, of_analyses=False)
        return response
