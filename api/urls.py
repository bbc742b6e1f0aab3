"""Routes below /api/v1."""

from django.urls import path

from api import views

urlpatterns = [
    path("analyses", views.AnalysesView.as_view(), name="analyses"),
    path("analyses/<uuid:analysis_id>", views.AnalysisView.as_view(), name="analysis"),
    path("analyses/<uuid:analysis_id>/picture", views.PictureView.as_view(), name="analysis-picture"),
    path("models", views.ModelsView.as_view(), name="models"),
    path("models/<str:name>", views.ModelView.as_view(), name="model"),
]
