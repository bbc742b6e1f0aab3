"""Every route of the service."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularSwaggerSplitView

from api.compat import fbp
from api.health import healthz, metrics, readyz
from api.views.base import NoSuchRouteView
from api.views.description import DescriptionView
from web.languages import Texts
from web.pages import identity, jobs, labels, live, login, models, photos, pictures, sign_on, tables, videos

urlpatterns = [
    path("", photos.upload, name="upload"),
    path("analyses/<uuid:analysis_id>/", photos.result, name="result"),
    path("gallery/", photos.gallery, name="gallery"),
    path("compare/", photos.compare, name="compare"),
    path("gallery/latest", photos.latest, name="latest"),
    path("analyses.csv", tables.table, name="analyses-csv"),
    path("jobs/", jobs.jobs, name="jobs-page"),
    path("jobs/rows", jobs.job_rows, name="job-rows"),
    path("jobs/<uuid:job_id>/", jobs.job, name="job-page"),
    path("videos/<uuid:job_id>/", videos.video, name="video-page"),
    path("pictures/", pictures.pictures, name="pictures"),
    path("live/", live.live, name="live"),
    path("who/", identity.who, name="who"),
    path("people/", identity.people, name="people"),
    path("people/<uuid:collection_id>/", identity.collection, name="collection-page"),
    path("people/<uuid:collection_id>/rows", identity.collection_people, name="collection-rows"),
    path("measure/", labels.measure, name="measure"),
    path("models/", models.served, name="model-page"),
    path("models/<str:name>/", models.model, name="model-card"),
    path("models/<str:name>/<str:file_name>", models.model_file, name="model-card-file"),
    path("texts.js", Texts.as_view(), name="texts"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("login/", login.LogIn.as_view(), name="login"),
    path("login/sign-on/", sign_on.begin, name="sign-on"),
    path("login/sign-on/return/", sign_on.finish, name="sign-on-return"),
    path("logout/", login.LogOut.as_view(), name="logout"),
    # Before the admin, which has pages of its own.
    path("admin/login/", login.admin_login),
    path("admin/logout/", login.LogOut.as_view()),
    path("admin/", admin.site.urls),
    path("api/v1/", include("api.urls")),
    path("api/schema", DescriptionView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="docs.html"), name="docs"),
    re_path(r"^api/", NoSuchRouteView.as_view()),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("cv/fbp", fbp, name="fbp"),
]
handler400 = "api.exceptions.bad_request"
handler403 = "api.exceptions.permission_denied"
handler404 = "api.exceptions.page_not_found"
handler500 = "api.exceptions.server_error"
