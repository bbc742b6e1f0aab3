"""What the settings refuse at the start, with the variable's name, because the service would fail on it later."""

import os
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

SETTINGS = Path(__file__).resolve().parents[2] / "xcloud" / "settings.py"


def read(monkeypatch: pytest.MonkeyPatch, folder: Path, **variables: str) -> dict[str, Any]:
    """The settings of an installation in an empty folder."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for name, value in {"XCLOUD_ENV_FILE": os.devnull, "XCLOUD_VAR_DIR": str(folder), **variables}.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(SETTINGS))


@pytest.mark.parametrize("name", ["XCLOUD_DEFAULT_TTL_DAYS", "XCLOUD_JOB_DAYS", "XCLOUD_AUDIT_DAYS"])
def test_a_time_in_days_is_at_most_a_century(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    assert read(monkeypatch, tmp_path, **{name: "36500"})[name] == 36500
    with pytest.raises(ImproperlyConfigured, match=f"^{name} must be at most 36500, not 36501$"):
        read(monkeypatch, tmp_path, **{name: "36501"})


def test_a_broker_that_no_worker_can_listen_to_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^XCLOUD_BROKER_URL must be a URL that starts with one of redis, "):
        read(monkeypatch, tmp_path, XCLOUD_BROKER_URL="http://x")


def test_zero_days_still_keep_analyses_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert read(monkeypatch, tmp_path, XCLOUD_DEFAULT_TTL_DAYS="0")["XCLOUD_DEFAULT_TTL_DAYS"] == 0


def test_the_niceness_of_a_worker_is_at_most_what_a_process_can_have(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert read(monkeypatch, tmp_path, XCLOUD_JOB_NICE="19")["XCLOUD_JOB_NICE"] == 19
    with pytest.raises(ImproperlyConfigured, match=r"^XCLOUD_JOB_NICE must be at most 19, not 20$"):
        read(monkeypatch, tmp_path, XCLOUD_JOB_NICE="20")


def test_a_level_of_the_log_that_does_not_exist_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert read(monkeypatch, tmp_path, XCLOUD_LOG_LEVEL="warning")["LOGGING"]["root"]["level"] == "WARNING"
    with pytest.raises(
        ImproperlyConfigured, match="XCLOUD_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, not 'LOUD'"
    ):
        read(monkeypatch, tmp_path, XCLOUD_LOG_LEVEL="LOUD")
