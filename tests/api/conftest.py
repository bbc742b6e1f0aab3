"""Fixtures of the API's tests: identity turned on, and a collection of a key that may use it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytest_django import Settings

from cv.choices import Scope
from cv.models import ApiKey, Collection
from cv.search import served
from cv.search.served import served_index
from cv.trust.caller import Caller
from tests.vectors import made_collection


@pytest.fixture
def identity(settings: Settings) -> Iterator[None]:
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True)
    served_index.cache_clear()
    served._seen.clear()
    yield
    served_index.cache_clear()
    served._seen.clear()


@pytest.fixture
def caller(key: tuple[ApiKey, str]) -> Caller:
    """The key of ``api``, with the scope that identity needs."""
    key[0].scopes = [*key[0].scopes, Scope.IDENTIFY]
    key[0].save()
    return Caller(api_key=key[0])


@pytest.fixture
def staff(caller: Caller) -> Collection:
    return made_collection(caller)
