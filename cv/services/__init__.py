"""The only writers of the database."""

from cv.services.accounts import outside_account_user
from cv.services.analyses import (
    AnalysisRequest,
    NoPictureKept,
    StoreOptions,
    analyses_delete,
    analysis_answer,
    analysis_create,
    analysis_delete,
    analysis_reanalyse,
    analysis_save,
)
from cv.services.audit import audit_note
from cv.services.collections import (
    collection_create,
    collection_delete,
    collection_update,
    face_remove,
    subject_remove,
)
from cv.services.enrolment import faces_enrol
from cv.services.enrolment_checks import NewFace, RefusalReason, Rules
from cv.services.errors import errors_store
from cv.services.idempotency import request_begin, request_finish, request_forget
from cv.services.job_deletion import job_delete, job_delete_further, jobs_delete_further
from cv.services.job_items import (
    LeaseLost,
    item_fail,
    item_save,
    items_claim,
    items_renew,
    items_return,
    work_is_waiting,
)
from cv.services.jobs import (
    JobRequest,
    job_cancel,
    job_create,
    job_finish,
    job_pause,
    job_resume,
    job_retry,
    jobs_finish_over,
)
from cv.services.keys import admin_create, api_key_create, api_key_revoke, api_key_touch, api_key_update
from cv.services.labels import labels_set
from cv.services.photo_searches import search_note
from cv.services.purge import Purged, expired_purge
from cv.services.subjects import subject_erase
from cv.services.users import user_delete
from cv.services.webhooks import (
    delivery_claim,
    delivery_note,
    event_emit,
    webhook_create,
    webhook_delete,
    webhook_update,
)

__all__ = [
    "AnalysisRequest",
    "JobRequest",
    "LeaseLost",
    "NewFace",
    "NoPictureKept",
    "Purged",
    "RefusalReason",
    "Rules",
    "StoreOptions",
    "admin_create",
    "analyses_delete",
    "analysis_answer",
    "analysis_create",
    "analysis_delete",
    "analysis_reanalyse",
    "analysis_save",
    "api_key_create",
    "api_key_revoke",
    "api_key_touch",
    "api_key_update",
    "audit_note",
    "collection_create",
    "collection_delete",
    "collection_update",
    "delivery_claim",
    "delivery_note",
    "errors_store",
    "event_emit",
    "expired_purge",
    "face_remove",
    "faces_enrol",
    "item_fail",
    "item_save",
    "items_claim",
    "items_renew",
    "items_return",
    "job_cancel",
    "job_create",
    "job_delete",
    "job_delete_further",
    "job_finish",
    "job_pause",
    "job_resume",
    "job_retry",
    "jobs_delete_further",
    "jobs_finish_over",
    "labels_set",
    "outside_account_user",
    "request_begin",
    "request_finish",
    "request_forget",
    "search_note",
    "subject_erase",
    "subject_remove",
    "user_delete",
    "webhook_create",
    "webhook_delete",
    "webhook_update",
    "work_is_waiting",
]
