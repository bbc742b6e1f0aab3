"""Removes people with all that they hold."""

import contextlib
from collections.abc import Iterator

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q

from cv import bells
from cv.choices import AuditAction
from cv.models import Analysis, Job
from cv.services.analyses import analyses_delete
from cv.services.audit import audit_note
from cv.services.deletions import files_list
from cv.services.job_deletion import inputs_of, job_delete, job_delete_further
from cv.services.keys import api_key_revoke
from cv.services.traces import traces_remove
from cv.trust.caller import Caller


def user_delete(user: User, caller: Caller) -> None:
    """Removes a person with their keys, analyses, pictures and jobs, and notes who did, from the start.

    Raises StorageUnavailable; then they are shut out, and it can be done again.
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
    with transaction.atomic():
        # The admin's own log has names.
        people = ContentType.objects.get_for_model(User)
        LogEntry.objects.filter(content_type=people, object_id=str(user.pk)).delete()
        user.delete()
    traces_remove()


def user_rows_remove(user: User) -> None:
    """For a person who is deleted without ``user_delete``: what they hold goes in the transaction that does it.

    Before their keys, which no database lets go while there are rows of theirs; its files are left to the purge.
    """
    held = Q(owner=user) | Q(api_key__user=user)
    files_list(_files_of(held))
    Analysis.objects.filter(held).delete()
    Job.objects.filter(held).delete()
    transaction.on_commit(bells.TIDYING.ring)


def _files_of(held: Q) -> Iterator[str]:
    yield from Analysis.objects.filter(held).exclude(picture="").values_list("picture", flat=True).iterator()
    yield from inputs_of(Job.objects.filter(held).values_list("pk", "source"))
