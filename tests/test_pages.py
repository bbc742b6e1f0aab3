"""What every page keeps to: nothing inline, nothing from elsewhere, and a policy that enforces both."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cv.caller import Caller
from tests.factories import stored_analysis

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STATIC = sorted(file for kind in ("css", "js") for file in (ROOT / "static" / kind).rglob(f"*.{kind}"))
PAGE_WEIGHT = 150 * 1024


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.name)
def test_a_template_has_nothing_inline(template: Path) -> None:
    html = template.read_text()
    assert re.findall(r"<style|<script(?![^>]*\bsrc=)|\bstyle=|\bon[a-z]+=|javascript:", html) == []


@pytest.mark.parametrize("file", [*TEMPLATES, *STATIC], ids=lambda file: file.name)
def test_nothing_is_loaded_from_elsewhere(file: Path) -> None:
    assert re.findall(r"(?:https?:)?//[a-z][\w.-]+\.[a-z]{2,}", file.read_text()) == []


def test_the_pages_own_files_stay_light() -> None:
    files = [*STATIC, *(ROOT / "static" / "fonts").glob("*.woff2")]
    assert sum(file.stat().st_size for file in files) < PAGE_WEIGHT


def test_the_policy_allows_no_inline_script_or_style(client: Client, user: User) -> None:
    client.force_login(user)
    for path in ("/", f"/analyses/{stored_analysis(Caller(user=user)).pk}/"):
        response = client.get(path)
        assert response.status_code == 200
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_a_visitor_who_is_not_logged_in_is_sent_to_the_login(client: Client, user: User) -> None:
    path = f"/analyses/{stored_analysis(Caller(user=user)).pk}/"
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={path}")


def test_an_analysis_of_someone_else_is_not_found(client: Client, user: User, db: None) -> None:
    other = Caller(user=User.objects.create_user("grace"))
    client.force_login(user)
    assert client.get(f"/analyses/{stored_analysis(other).pk}/").status_code == 404
