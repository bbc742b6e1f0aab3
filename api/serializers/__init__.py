"""The shape of every answer."""

from api.serializers.admin import (
    ApiKeySerializer,
    AuditEventSerializer,
    NewApiKeySerializer,
    NewWebhookSerializer,
    WebhookDeliverySerializer,
    WebhookSerializer,
)
from api.serializers.analyses import (
    AnalysisSerializer,
    DetectionsSerializer,
    ErrorSerializer,
    HeldAnalysisSerializer,
    ModelCardSerializer,
    ResultSerializer,
)
from api.serializers.subjects import (
    ErasureReceiptSerializer,
    ReceiptKeySerializer,
    SubjectExportSerializer,
)

__all__ = [
    "AnalysisSerializer",
    "ApiKeySerializer",
    "AuditEventSerializer",
    "DetectionsSerializer",
    "ErasureReceiptSerializer",
    "ErrorSerializer",
    "HeldAnalysisSerializer",
    "ModelCardSerializer",
    "NewApiKeySerializer",
    "NewWebhookSerializer",
    "ReceiptKeySerializer",
    "ResultSerializer",
    "SubjectExportSerializer",
    "WebhookDeliverySerializer",
    "WebhookSerializer",
]
