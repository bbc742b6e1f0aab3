"""Deletes users with everything that belongs to them."""

import contextlib
from collections.abc import Iterator

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q

from cv import bells
from cv.choices import AuditAction
from cv.models import Analysis, Collection, Job
from cv.services.analyses import analyses_delete
from cv.services.audit import audit_note
from cv.services.collections import collection_delete
from cv.services.deletions import files_list
from cv.services.job_deletion import inputs_of, job_delete, job_delete_further
from cv.services.keys import api_key_revoke
from cv.services.traces import traces_remove
from cv.trust.caller import Caller


def user_delete(user: User, caller: Caller) -> None:
    """Deletes a user with their keys, analyses, pictures, jobs and collections. The audit event is written first.

    Raises StorageUnavailable, SearchUnavailable; then the user cannot log in any more, and the call can be repeated.
    """
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=False)
        for key in user.api_keys.all():
            api_key_revoke(key)
        audit_note(caller, AuditAction.USER_DELETE, [user.pk])
    held = Q(owner=user) | Q(api_key__user=user)
    analyses_delete(Analysis.objects.filter(held), caller)
    for job in Job.objects.filter(held):
        with contextlib.suppress(Job.DoesNotExist):
            if not job_delete(job, caller):
                job_delete_further(job)
    for collection in Collection.objects.filter(held):
        collection_delete(collection, caller)
    with transaction.atomic():
        # The admin's own log contains names.
        people = ContentType.objects.get_for_model(User)
        LogEntry.objects.filter(content_type=people, object_id=str(user.pk)).delete()
        user.delete()
    traces_remove()


def user_rows_remove(user: User) -> None:
    """Deletes the rows of a user who is deleted without ``user_delete``, in the same transaction.

    Rows go before the keys, because they reference the keys. The purge deletes the files, and what a search index has.
    """
    held = Q(owner=user) | Q(api_key__user=user)
    files_list(_files_of(held))
    Analysis.objects.filter(held).delete()
    Job.objects.filter(held).delete()
    Collection.objects.filter(held).delete()
    transaction.on_commit(bells.TIDYING.ring)


def _files_of(held: Q) -> Iterator[str]:
    yield from Analysis.objects.filter(held).exclude(picture="").values_list("picture", flat=True).iterator()
    yield from inputs_of(Job.objects.filter(held).values_list("pk", "source"))
