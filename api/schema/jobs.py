"""The schema of jobs."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from api.inputs import ItemListInput, JobDeleteInput, JobInput, JobListInput, NothingInput, ResultsInput
from api.schema import examples
from api.schema.parts import BODY, IDEMPOTENCY_KEY, REMEMBERED, answer, errors, page_of, sent
from api.serializers import JobItemSerializer, JobSerializer


class FormJobInput(JobInput):
    """Exactly one of ``archive``, ``urls``, ``analyses`` and ``folder``. ``store`` is a JSON object, or fields
    ``store.image``…"""

    archive = serializers.FileField(
        required=False, help_text="A ZIP, or a TAR that is plain or compressed with gzip or bzip2."
    )


JOB_CREATE: Final[dict[str, Any]] = {
    "operation_id": "job_create",
    "summary": "Analyze many images in the background",
    "description": "Send exactly one of `archive` (in a form), `urls`, `analyses` and `folder`. A bad image fails "
    "alone; the others are analyzed. With `search`, the faces of every image are searched in a collection, as "
    "`POST /collections/{id}/search` does it by default, and the results say who was found; if the collection is "
    "deleted meanwhile, the images that are left fail. Scope `analyse`; for `search` also `identify`.",
    "parameters": [IDEMPOTENCY_KEY],
    "request": {"multipart/form-data": FormJobInput, "application/json": JobInput},
    "responses": {
        202: answer(
            JobSerializer,
            examples.JOB,
            "The job was created. Workers start it when its turn comes. First they list an archive (`listing`); what "
            "is wrong inside it is the job's `error`.",
        ),
        **errors(
            "ambiguous_image_source",
            "empty_job",
            "too_many_items",
            "archive_too_large",
            "archive_unreadable",
            "folder_forbidden",
            "not_found",
            "other_model",
            "empty_collection",
            "model_not_ready",
            "storage_unavailable",
            *BODY,
            *REMEMBERED,
        ),
    },
    "examples": [
        sent("URLs", {"urls": ["https://example.org/1.jpg", "https://example.org/2.jpg"], "attributes": ["age"]}),
        sent("Earlier analyses", {"analyses": ["0f9a2c9e-3c1a-4b0e-9a51-6f3c0d6f2b11"], "priority": -1}),
        sent(
            "Who is in them",
            {"urls": ["https://example.org/party.jpg"], "search": "3b1a6e0c-2f57-4a80-9d5e-5c9f64f0a711"},
        ),
        sent("A folder of the server", {"folder": "/srv/photos", "store": {"ttl_days": 30}}),
    ],
}
JOB_LIST: Final[dict[str, Any]] = {
    "operation_id": "job_list",
    "summary": "List your jobs, newest first",
    "description": "Scope `read`.",
    "parameters": [JobListInput],
    "responses": {200: page_of("JobPage", JobSerializer, examples.JOB), **errors()},
    "filters": False,
}
JOB_READ: Final[dict[str, Any]] = {
    "operation_id": "job_read",
    "summary": "Read a job and its progress",
    "description": "Counts by state, images a second and seconds left. Scope `read`.",
    "responses": {200: answer(JobSerializer, examples.JOB, "The job."), **errors("not_found")},
}
JOB_DELETE: Final[dict[str, Any]] = {
    "operation_id": "job_delete",
    "summary": "Delete a job, its list of images and their stored inputs",
    "description": "Unfinished images are dropped. The analyses stay unless `analyses=true`. Scope `erase`.",
    "parameters": [JobDeleteInput],
    "responses": {
        202: answer(
            JobSerializer,
            {**examples.JOB, "state": "deleting"},
            "A large job, being deleted in the background: `counts` are of the images that are left, and once it is "
            "gone it is not found.",
        ),
        204: OpenApiResponse(description="Deleted."),
        **errors("not_found", "storage_unavailable"),
    },
}
JOB_ITEMS: Final[dict[str, Any]] = {
    "operation_id": "job_item_list",
    "summary": "List the images of a job, in order",
    "description": "Scope `read`.",
    "parameters": [ItemListInput],
    "responses": {200: page_of("JobItemPage", JobItemSerializer, examples.JOB_ITEM), **errors("not_found")},
    "filters": False,
}
JOB_RESULTS: Final[dict[str, Any]] = {
    "operation_id": "job_results",
    "summary": "Stream all results of a job",
    "description": "Ended images (done, failed or cancelled) in order, also while the job is running. JSON Lines has "
    "one image per line, as in the list of items, with its whole analysis, and in `found` who was found if the job has "
    "a `search`; CSV and Parquet have one face per row. People are named only with the scope `identify`. Scope `read`.",
    "parameters": [ResultsInput],
    "responses": {
        (200, "application/jsonl"): OpenApiResponse(OpenApiTypes.STR, description="One image per line."),
        (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="One face per row."),
        (200, "application/vnd.apache.parquet"): OpenApiResponse(OpenApiTypes.BINARY, description="One face per row."),
        **errors("not_found"),
    },
}


def _change(name: str, summary: str, description: str) -> dict[str, Any]:
    return {
        "operation_id": f"job_{name}",
        "summary": summary,
        "description": f"{description} Scope `analyse`.",
        "parameters": [IDEMPOTENCY_KEY],
        "request": {"application/json": NothingInput},
        "responses": {
            200: answer(JobSerializer, examples.JOB, "The job as it is now."),
            **errors("not_found", "job_conflict", *BODY, *REMEMBERED),
        },
        "examples": [sent("An empty object", {})],
    }


JOB_CANCEL: Final = _change("cancel", "Cancel a job", "Unfinished images are dropped; finished ones stay.")
JOB_PAUSE: Final = _change("pause", "Pause a job", "Images in progress are finished; no other image is started.")
JOB_RESUME: Final = _change("resume", "Resume a paused job", "The job waits for its turn again.")
JOB_RETRY: Final = _change(
    "retry",
    "Retry a job's failed images",
    "Retries images whose input is still available: URLs, earlier analyses and files of a folder always; images of an "
    "archive for one day, if the image did not cause the failure.",
)
