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
    ResultSerializer,
    StoredSerializer,
)
from api.serializers.identity import ComparisonSerializer, EmbeddingsSerializer, IdentitySerializer
from api.serializers.jobs import JobItemSerializer, JobResultSerializer, JobSerializer
from api.serializers.models import ModelCardSerializer, ModelDetailSerializer
from api.serializers.subjects import (
    ErasureReceiptSerializer,
    ReceiptKeySerializer,
    SubjectExportSerializer,
)
from api.serializers.videos import VideoSerializer

__all__ = [
    "AnalysisSerializer",
    "ApiKeySerializer",
    "AuditEventSerializer",
    "ComparisonSerializer",
    "DetectionsSerializer",
    "EmbeddingsSerializer",
    "ErasureReceiptSerializer",
    "ErrorSerializer",
    "HeldAnalysisSerializer",
    "IdentitySerializer",
    "JobItemSerializer",
    "JobResultSerializer",
    "JobSerializer",
    "ModelCardSerializer",
    "ModelDetailSerializer",
    "NewApiKeySerializer",
    "NewWebhookSerializer",
    "ReceiptKeySerializer",
    "ResultSerializer",
    "StoredSerializer",
    "SubjectExportSerializer",
    "VideoSerializer",
    "WebhookDeliverySerializer",
    "WebhookSerializer",
]
