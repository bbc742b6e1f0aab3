"""The threads that list archives."""

import pytest

from cv.models import Job
from cv.trust.caller import Caller
from cv.workers import listing
from cv.workers.listing import ArchiveListers
from tests.jobs import archive, new_job

pytestmark = pytest.mark.usefixtures("db")


def test_the_next_archive_is_listed_and_counts_as_work_meanwhile(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "close_old_connections", lambda: None)
    job, listers, busy = new_job(caller, archive([("a.jpg", b"a")])), ArchiveListers(), []
    done = listing.archive_list
    monkeypatch.setattr(listing, "archive_list", lambda *given: (busy.append(listers.busy), done(*given)))
    assert listers.list_next()
    assert not listers.list_next()
    assert (busy, listers.busy) == ([True], False)
    assert (Job.objects.get(pk=job.pk).state, job.items.count()) == ("pending", 1)


def test_one_that_fails_unexpectedly_is_left_to_the_next_try(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "close_old_connections", lambda: None)
    new_job(caller, archive([("a.jpg", b"a")]))
    listers = ArchiveListers()
    with monkeypatch.context() as patch:
        patch.setattr(listing, "archive_list", lambda *_: 1 / 0)
        assert not listers.list_next()
    assert (listers.busy, Job.objects.get().state) == (False, "listing")
