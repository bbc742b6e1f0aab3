"""The page that erases subjects: asks first, then shows what was erased and offers the receipts."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cv.files.stores import StorageUnavailable
from cv.models import Analysis
from cv.search.base import SearchUnavailable
from cv.selectors import subject_analyses, subject_faces, subject_jobs
from cv.services import subject_erase
from web.admin.base import staff_caller

ERASED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one subject: its receipt, or why there is none."""

    subject: str
    receipt: dict[str, Any] | None
    error: str = ""


class ErasesSubjects:
    """Mixed into the lists of rows that have a subject."""

    message_user: Any
    admin_site: Any

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cv.delete_analysis")

    @admin.action(description=_("Erase everything about the subjects of the selected rows"), permissions=["erase"])
    def erase_subjects(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Asks first, then erases everything about the subjects, including rows that were not ticked."""
        subjects = chosen_subjects(queryset)
        if not subjects:
            self.message_user(request, gettext("None of the selected rows has a subject"), messages.WARNING)
            return None
        if len(subjects) > ERASED_AT_ONCE:
            said = gettext("Nothing was erased: these have more than %(most)s subjects; choose fewer") % {
                "most": ERASED_AT_ONCE
            }
            self.message_user(request, said, messages.ERROR)
            return None
        return erasure_page(request, self.admin_site.each_context(request), subjects)


def chosen_subjects(queryset: QuerySet[Any]) -> list[str]:
    """The subjects of the rows, each once; at most one more than may be erased at once."""
    named = queryset.exclude(subject="").order_by("subject").values_list("subject", flat=True)
    return list(named.distinct()[: ERASED_AT_ONCE + 1])


def erasure_page(request: HttpRequest, context: dict[str, Any], subjects: Sequence[str]) -> TemplateResponse:
    """The question or, after it was confirmed, the rows of all owners that were erased.

    Erases the subjects that the question named, even if the list's filter now finds others.
    """
    if request.POST.get("confirmed") == "yes":
        asked_for = json.loads(request.POST["subjects"]) if "subjects" in request.POST else subjects
        return outcome_page(request, context, [erased(request, str(subject)) for subject in asked_for])
    caller = staff_caller(request)
    found = [
        (
            subject,
            subject_analyses(caller, subject, of_everyone=True).count(),
            subject_jobs(caller, subject, of_everyone=True).count(),
            subject_faces(caller, subject, of_everyone=True).count(),
        )
        for subject in subjects
    ]
    asked = {
        "title": gettext("Erase everything about these subjects?"),
        "found": found,
        "selected": request.POST.getlist("_selected_action"),
        # As JSON: a browser would change line breaks in the text.
        "subjects": json.dumps(subjects),
    }
    return TemplateResponse(request, "admin/erase_subjects.html", context | asked)


def erased(request: HttpRequest, subject: str) -> Outcome:
    """If one subject fails, the others are still erased and reported."""
    try:
        return Outcome(subject, subject_erase(subject, staff_caller(request), of_everyone=True))
    except Analysis.DoesNotExist:
        return Outcome(subject, None, gettext("there is nothing about it any more"))
    except (StorageUnavailable, SearchUnavailable) as error:
        return Outcome(subject, None, str(error))


def outcome_page(request: HttpRequest, context: dict[str, Any], outcomes: list[Outcome]) -> TemplateResponse:
    receipts = [outcome.receipt for outcome in outcomes if outcome.receipt is not None]
    text = json.dumps(receipts, indent=2).encode()
    told = {
        "title": gettext("Erased") if receipts else gettext("Nothing was erased"),
        "outcomes": outcomes,
        # A link that contains the file: receipts are not stored.
        "receipts": f"data:application/json;base64,{base64.b64encode(text).decode()}" if receipts else "",
    }
    return TemplateResponse(request, "admin/erased_subjects.html", context | told)
