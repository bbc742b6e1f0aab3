"""Fixtures for jobs."""

import pytest

from cv.models import Job
from cv.trust.caller import Caller
from tests.jobs import archive, made_job


@pytest.fixture
def job(caller: Caller, empty_scene: bytes) -> Job:
    """A job of three images without a face."""
    return made_job(caller, archive((f"{name}.jpg", empty_scene) for name in "abc"))
