"""The tables. Only cv.services writes to them."""

from cv.models.accounts import OutsideAccount
from cv.models.analyses import Analysis, AnalysisModel, image_columns, model_row, picture_path, result_columns
from cv.models.chips import FaceChip
from cv.models.collections import Collection, EnrolledFace
from cv.models.deletions import Erasure, FileToDelete
from cv.models.errors import ErrorCount
from cv.models.faces import Face, FaceAnswer, answer_value, face_row, further_answers
from cv.models.found import FaceSearch, FoundPerson
from cv.models.groups import FaceGroup, FaceVector, GroupedFace, NotThisPerson
from cv.models.jobs import Job, JobItem
from cv.models.keys import ApiKey, default_scopes
from cv.models.labels import FaceLabel
from cv.models.records import AuditEvent, IdempotentRequest
from cv.models.videos import Track, Video, track_row, video_row
from cv.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "Analysis",
    "AnalysisModel",
    "ApiKey",
    "AuditEvent",
    "Collection",
    "EnrolledFace",
    "Erasure",
    "ErrorCount",
    "Face",
    "FaceAnswer",
    "FaceChip",
    "FaceGroup",
    "FaceLabel",
    "FaceSearch",
    "FaceVector",
    "FileToDelete",
    "FoundPerson",
    "GroupedFace",
    "IdempotentRequest",
    "Job",
    "JobItem",
    "NotThisPerson",
    "OutsideAccount",
    "Track",
    "Video",
    "Webhook",
    "WebhookDelivery",
    "answer_value",
    "default_scopes",
    "face_row",
    "further_answers",
    "image_columns",
    "model_row",
    "picture_path",
    "result_columns",
    "track_row",
    "video_row",
]
