"""What clients may send, checked."""

from api.inputs.admin import AuditInput, KeyInput, KeyUpdateInput, PageInput, WebhookInput, WebhookUpdateInput
from api.inputs.analyses import AnalysisInput, DetectionInput, LinkInput, ListInput, OptionsInput, check_attributes
from api.inputs.identity import ComparisonInput, EmbeddingInput, comparison_fields
from api.inputs.jobs import ItemListInput, JobDeleteInput, JobInput, JobListInput, ResultsInput, split_job
from api.inputs.names import NameField
from api.inputs.strict import MAX_PAGE_SIZE, NothingInput, StrictSerializer
from api.inputs.subjects import MAX_SUBJECT, EraseInput, ExportInput, NamedEraseInput, NamedExportInput, SubjectInput
from api.inputs.videos import VideoInput, VideoResultInput, split_video

__all__ = [
    "MAX_PAGE_SIZE",
    "MAX_SUBJECT",
    "AnalysisInput",
    "AuditInput",
    "ComparisonInput",
    "DetectionInput",
    "EmbeddingInput",
    "EraseInput",
    "ExportInput",
    "ItemListInput",
    "JobDeleteInput",
    "JobInput",
    "JobListInput",
    "KeyInput",
    "KeyUpdateInput",
    "LinkInput",
    "ListInput",
    "NameField",
    "NamedEraseInput",
    "NamedExportInput",
    "NothingInput",
    "OptionsInput",
    "PageInput",
    "ResultsInput",
    "StrictSerializer",
    "SubjectInput",
    "VideoInput",
    "VideoResultInput",
    "WebhookInput",
    "WebhookUpdateInput",
    "check_attributes",
    "comparison_fields",
    "split_job",
    "split_video",
]
