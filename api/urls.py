"""Routes below /api/v1."""

from django.urls import path

from api.views import analyses, audit, identity, jobs, keys, models, subjects, webhooks

urlpatterns = [
    path("analyses", analyses.AnalysesView.as_view(), name="analyses"),
    path("analyses/<uuid:analysis_id>", analyses.AnalysisView.as_view(), name="analysis"),
    path("analyses/<uuid:analysis_id>/picture", analyses.PictureView.as_view(), name="analysis-picture"),
    path("analyses/<uuid:analysis_id>/reanalyse", analyses.ReanalyseView.as_view(), name="analysis-reanalyse"),
    path("detections", analyses.DetectionsView.as_view(), name="detections"),
    path("identity", identity.AboutIdentityView.as_view(), name="identity"),
    path("comparisons", identity.ComparisonsView.as_view(), name="comparisons"),
    path("embeddings", identity.EmbeddingsView.as_view(), name="embeddings"),
    path("previews", analyses.PreviewsView.as_view(), name="previews"),
    path("jobs", jobs.JobsView.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>", jobs.JobView.as_view(), name="job"),
    path("jobs/<uuid:job_id>/items", jobs.JobItemsView.as_view(), name="job-items"),
    path("jobs/<uuid:job_id>/results", jobs.JobResultsView.as_view(), name="job-results"),
    path("jobs/<uuid:job_id>/cancel", jobs.JobCancelView.as_view(), name="job-cancel"),
    path("jobs/<uuid:job_id>/pause", jobs.JobPauseView.as_view(), name="job-pause"),
    path("jobs/<uuid:job_id>/resume", jobs.JobResumeView.as_view(), name="job-resume"),
    path("jobs/<uuid:job_id>/retry", jobs.JobRetryView.as_view(), name="job-retry"),
    path("models", models.ModelsView.as_view(), name="models"),
    path("models/<str:name>", models.ModelView.as_view(), name="model"),
    path("models/<str:name>/files/<str:file_name>", models.ModelFileView.as_view(), name="model-file"),
    # A subject is the client's own text and may hold a slash.
    path("subjects/<path:subject>/export", subjects.SubjectExportView.as_view(), name="subject-export"),
    path("subjects/<path:subject>/erase", subjects.SubjectEraseView.as_view(), name="subject-erase"),
    # For subjects that an address cannot hold.
    path("subjects/export", subjects.NamedSubjectExportView.as_view(), name="named-subject-export"),
    path("subjects/erase", subjects.NamedSubjectEraseView.as_view(), name="named-subject-erase"),
    path("receipt-keys", subjects.ReceiptKeysView.as_view(), name="receipt-keys"),
    path("api-keys", keys.ApiKeysView.as_view(), name="api-keys"),
    path("api-keys/<int:key_id>", keys.ApiKeyView.as_view(), name="api-key"),
    path("webhooks", webhooks.WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<uuid:webhook_id>", webhooks.WebhookView.as_view(), name="webhook"),
    path("webhooks/<uuid:webhook_id>/deliveries", webhooks.DeliveriesView.as_view(), name="webhook-deliveries"),
    path("audit", audit.AuditView.as_view(), name="audit"),
]
