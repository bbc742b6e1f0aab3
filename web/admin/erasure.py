"""The page that erases subjects: asks first, then shows what was erased and offers the receipts."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse

from cv.files.stores import StorageUnavailable
from cv.models import Analysis
from cv.search.base import SearchUnavailable
from cv.selectors import subject_analyses, subject_jobs
from cv.services import subject_erase
from web.admin.base import staff_caller


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one subject: its receipt, or why there is none."""

    subject: str
    receipt: dict[str, Any] | None
    error: str = ""


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
        )
        for subject in subjects
    ]
    asked = {
        "title": "Erase everything about these subjects?",
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
        return Outcome(subject, None, "there is nothing about it any more")
    except (StorageUnavailable, SearchUnavailable) as error:
        return Outcome(subject, None, str(error))


def outcome_page(request: HttpRequest, context: dict[str, Any], outcomes: list[Outcome]) -> TemplateResponse:
    receipts = [outcome.receipt for outcome in outcomes if outcome.receipt is not None]
    text = json.dumps(receipts, indent=2).encode()
    told = {
        "title": "Erased" if receipts else "Nothing was erased",
        "outcomes": outcomes,
        # A link that contains the file: receipts are not stored.
        "receipts": f"data:application/json;base64,{base64.b64encode(text).decode()}" if receipts else "",
    }
    return TemplateResponse(request, "admin/erased_subjects.html", context | told)
