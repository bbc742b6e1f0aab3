"""Requests generated from our own schema, right and wrong: none may end in a 5xx or outside of what is documented."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from pytest_django import Settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from cv.choices import Scope, WebhookEvent
from cv.jobs.inputs import UrlInputs
from cv.models import ApiKey
from cv.services import api_key_create, webhook_create
from cv.serving.engines import served_engine
from cv.trust.caller import Caller
from tests.factories import face_result, stored_analysis
from tests.jobs import made_job

EXAMPLES = 10


@pytest.fixture
def full_key(user: User) -> tuple[ApiKey, str]:
    return api_key_create("everything", user, scopes=list(Scope))


@pytest.fixture
def rows(full_key: tuple[ApiKey, str], settings: Settings) -> dict[str, Any]:
    """A row for each parameter that names one."""
    settings.XCLOUD_URL_INPUT = False
    caller = Caller(api_key=full_key[0])
    webhook, _ = webhook_create("https://203.0.113.1/", list(WebhookEvent))
    return {
        "analysis_id": str(stored_analysis(caller, face_result(), subject="visitor 17").pk),
        "subject": "visitor 17",
        "job_id": str(made_job(caller, UrlInputs(["https://203.0.113.1/"])).pk),
        "key_id": api_key_create("another")[0].pk,
        "webhook_id": str(webhook.pk),
        "name": served_engine().card.name,
        "file_name": f"{served_engine().card.name}-confusion.png",
    }


application = get_wsgi_application()


def served(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The application, each answer read and closed as servers do: Schemathesis leaves a streamed archive open."""
    answer = application(environ, start_response)
    with contextlib.closing(answer):
        return [b"".join(answer)]


schema = schemathesis.openapi.from_wsgi("/api/schema?format=json", served)
OPERATIONS = {operation.label: operation for operation in (found.ok() for found in schema.get_all_operations())}
every_operation = pytest.mark.parametrize("label", OPERATIONS)
right_and_wrong = pytest.mark.parametrize("mode", list(GenerationMode), ids=["right", "wrong"])
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # The same requests at every run: a failure here is a fault of the change under test, not of chance.
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def each_case(label: str, mode: GenerationMode, check: Callable[[schemathesis.Case], None]) -> None:
    """Runs ``check`` on generated requests to one operation."""
    try:
        bounded(given(OPERATIONS[label].as_strategy(generation_mode=mode))(check))()
    except Unsatisfiable:
        # No request to this operation can be wrong: it has neither parameters nor a body.
        assert mode is GenerationMode.NEGATIVE


@every_operation
@right_and_wrong
def test_generated_requests_are_answered_as_documented(
    label: str, mode: GenerationMode, full_key: tuple[ApiKey, str], rows: dict[str, Any]
) -> None:
    def check(case: schemathesis.Case) -> None:
        # A text of the right type is no image: most well-formed requests to analyse one are refused, rightly.
        case.call_and_validate(
            headers={"Authorization": f"Bearer {full_key[1]}"}, excluded_checks=[positive_data_acceptance]
        )

    each_case(label, mode, check)


@every_operation
@right_and_wrong
def test_generated_requests_about_rows_that_exist_never_fail(
    label: str, mode: GenerationMode, full_key: tuple[ApiKey, str], rows: dict[str, Any]
) -> None:
    def check(case: schemathesis.Case) -> None:
        for name in set(case.path_parameters or {}) & set(rows):
            case.path_parameters[name] = rows[name]
        answer = case.call(headers={"Authorization": f"Bearer {full_key[1]}"})
        assert answer.status_code < 500, answer.text

    each_case(label, mode, check)
