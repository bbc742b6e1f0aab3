"""A fixture for a ``conftest.py`` to import: SQLite in a file, as the service uses it.

By default tests use SQLite in memory, which other processes cannot read and which has no lock to wait for.
"""

import pytest
from django.conf import settings


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """pytest-django's hook before it makes the test database."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "xcloud.sqlite3")
