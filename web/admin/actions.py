"""The actions on the analyses that are ticked in the list."""

import json
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.serializers import HeldAnalysisSerializer
from cv.choices import AuditAction
from cv.engine.errors import EngineError
from cv.engine.outputs import public_outputs
from cv.models import Analysis
from cv.services import NoPictureKept, analysis_reanalyse, audit_note
from cv.serving.gate import Overloaded
from cv.tables import analyses_csv
from cv.trust.sealing import Unreadable
from web.admin.base import staff_caller
from web.admin.erasure import ErasesSubjects

# For more, use the API or the database.
EXPORTED_AT_ONCE: Final = 1000
REANALYSED_AT_ONCE: Final = 50


class AnalysisActions(ErasesSubjects):
    """Mixed into the list of analyses."""

    actions: Any = ("export_json", "export_csv", "reanalyse", "erase_subjects")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cv.change_analysis")

    @admin.action(description=_("Export as JSON"), permissions=["operate"])
    def export_json(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> HttpResponse | None:
        if (rows := self._few(request, queryset, EXPORTED_AT_ONCE)) is None:
            return None
        audit_note(staff_caller(request), AuditAction.SUBJECT_EXPORT, [row.pk for row in rows])
        text = json.dumps(HeldAnalysisSerializer(rows, many=True).data, indent=2)
        return attachment(text, "application/json", "analyses.json")

    @admin.action(description=_("Export as CSV, one line per face"), permissions=["operate"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> HttpResponse | None:
        if (rows := self._few(request, queryset, EXPORTED_AT_ONCE)) is None:
            return None
        audit_note(staff_caller(request), AuditAction.SUBJECT_EXPORT, [row.pk for row in rows])
        text = analyses_csv([("", row) for row in rows], frozenset(output.name for output in public_outputs()))
        return attachment(text, "text/csv; charset=utf-8", "faces.csv")

    @admin.action(description=_("Analyze the kept pictures again with the current model"), permissions=["operate"])
    def reanalyse(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> None:
        if (rows := self._few(request, queryset, REANALYSED_AT_ONCE)) is None:
            return
        done = without = 0
        for row in rows:
            try:
                analysis_reanalyse(row, staff_caller(request))
                done += 1
            except (NoPictureKept, Analysis.DoesNotExist):
                without += 1
            except (EngineError, Unreadable) as error:
                self.message_user(request, f"{row.pk}: {error}", messages.ERROR)
            except Overloaded as error:
                self.message_user(
                    request, gettext("Stopped at %(id)s: %(error)s") % {"id": row.pk, "error": error}, messages.ERROR
                )
                break
        self.message_user(
            request,
            gettext("%(done)s analyzed again, %(without)s without a kept picture") % {"done": done, "without": without},
        )

    def _few(self, request: HttpRequest, queryset: QuerySet[Analysis], most: int) -> list[Analysis] | None:
        rows = list(queryset.prefetch_related("faces__labels", "models").select_related("api_key")[: most + 1])
        if len(rows) > most:
            self.message_user(request, gettext("Choose at most %(most)s") % {"most": most}, messages.ERROR)
            return None
        return rows


def attachment(text: str, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
