"""Jobs and their images: their progress, and actions to pause, resume, cancel or retry them."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cv.choices import AuditAction, ItemState, JobState
from cv.jobs.errors import JobConflict
from cv.jobs.progress import JobStatus, status_of, statuses_of
from cv.models import Job, JobItem
from cv.services import audit_note, job_cancel, job_delete, job_pause, job_resume, job_retry
from web.admin.base import DeletedByServices, ReadOnlyAdmin, staff_caller


@admin.register(Job)
class JobAdmin(DeletedByServices, ReadOnlyAdmin):
    list_display = ("created_at", "state", "progress", "rate", "failed", "by", "source", "priority", "subject")
    list_filter = ("state", "source", "created_at")
    list_select_related = ("owner", "api_key")
    search_fields = ("=id", "=subject")
    sortable_by = ("created_at",)
    readonly_fields = ("progress", "rate", "failed")
    exclude = ("archive", "listing_lease")
    actions = ("pause", "go_on", "cancel", "retry")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if (changes := shown.get("cl")) is not None:
            # One query for all counts of the page; the columns below read them from the row.
            for status in statuses_of(changes.result_list):
                status.job.told = status  # type: ignore[attr-defined]
        return response

    @admin.display(description=_("Progress"))
    def progress(self, job: Job) -> SafeString:
        status = told(job)
        closed = status.counts[ItemState.DONE] + status.counts[ItemState.FAILED]
        if job.state == JobState.DELETING:
            # Of a job that is being deleted, how much is deleted.
            closed = job.item_count - sum(status.counts.values())
        return format_html(
            '<progress max="{}" value="{}" aria-label="{}"></progress> {} / {}',
            job.item_count, closed, gettext("Progress"), closed, job.item_count,
        )  # fmt: skip

    @admin.display(description=_("Images per second"))
    def rate(self, job: Job) -> str:
        rate = told(job).images_per_second
        return "–" if rate is None else f"{rate:.1f}"

    @admin.display(description=_("Failed"))
    def failed(self, job: Job) -> int:
        return told(job).counts[ItemState.FAILED]

    @admin.display(description=_("By"))
    def by(self, job: Job) -> str:
        return job.api_key.name if job.api_key is not None else str(job.owner)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cv.change_job")

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return request.user.has_perm("cv.delete_job")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """A job's images are deleted with it, although they may not be deleted alone; too many to list."""
        count = JobItem.objects.filter(job__in=objs).count()
        return [str(job) for job in objs], {gettext("jobs"): len(objs), gettext("images of jobs"): count}, set(), []

    def delete_model(self, request: HttpRequest, obj: Job) -> None:
        if not job_delete(obj, staff_caller(request)):
            self.message_user(request, gettext("A large job is deleted in the background"), messages.INFO)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        for job in queryset:
            self.delete_model(request, job)

    @admin.action(description=_("Pause"), permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self._lead(request, queryset, job_pause, gettext("%(number)s paused"))

    @admin.action(description=_("Resume"), permissions=["operate"])
    def go_on(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self._lead(request, queryset, job_resume, gettext("%(number)s resumed"))

    @admin.action(description=_("Cancel permanently"), permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self._lead(request, queryset, job_cancel, gettext("%(number)s cancelled"))

    @admin.action(description=_("Retry the failed images"), permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self._lead(request, queryset, job_retry, gettext("%(number)s retried"))

    def _lead(self, request: HttpRequest, queryset: QuerySet[Job], change: Callable[[Job], Job], said: str) -> None:
        changed = []
        for job in queryset:
            try:
                with transaction.atomic():
                    change(job)
                    audit_note(staff_caller(request), AuditAction.JOB_CHANGE, [job.pk])
                changed.append(job.pk)
            except (JobConflict, Job.DoesNotExist) as error:
                self.message_user(request, f"{job.pk}: {error}", messages.WARNING)
        self.message_user(request, said % {"number": len(changed)})


def told(job: Job) -> JobStatus:
    """The job's progress: from the list's query for all rows, or from a new query."""
    status: JobStatus | None = getattr(job, "told", None)
    return status or status_of(job)


@admin.register(JobItem)
class JobItemAdmin(ReadOnlyAdmin):
    """Does not show where an image is stored."""

    list_display = ("job", "index", "name", "state", "error_code", "attempts", "finished_at")
    list_filter = ("state", "error_code", "finished_at")
    list_select_related = ("job",)
    search_fields = ("=job__id", "name__startswith")
    sortable_by = ()
    exclude = ("location", "lease")
    raw_id_fields = ("job", "analysis")
