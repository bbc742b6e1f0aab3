"""Fixtures of the API's tests: a key that may use identity, and a collection of it."""

import pytest

from cv.choices import Scope
from cv.models import ApiKey, Collection
from cv.trust.caller import Caller
from tests.vectors import made_collection


@pytest.fixture
def caller(key: tuple[ApiKey, str]) -> Caller:
    """The key of ``api``, with the scope that identity needs."""
    key[0].scopes = [*key[0].scopes, Scope.IDENTIFY]
    key[0].save()
    return Caller(api_key=key[0])


@pytest.fixture
def staff(caller: Caller) -> Collection:
    return made_collection(caller)
