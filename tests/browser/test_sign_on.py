"""Log-in and log-out through an OpenID Connect provider, in a browser that enforces the pages' policies."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from cv.trust.sign_on import SignOn
from tests.oidc import CLIENT, SECRET, Provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    provider = Provider()
    config = SignOn.configured(
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret=SECRET,
        name="Keycloak",
        scopes=["openid", "email"],
        domains=[],
        groups=[],
        groups_claim="groups",
        roles=[],
        verified_email=True,
        hours=12,
    )
    assert config is not None
    settings.XCLOUD_OIDC = replace(config)
    yield provider
    provider.close()


def test_a_person_logs_in_by_a_button_and_out_everywhere(
    live_server: LiveServer, page: Page, provider: Provider, complaints: list[str]
) -> None:
    page.goto(f"{live_server.url}/gallery/")
    page.get_by_role("link", name="Log in with Keycloak").click()
    page.wait_for_url(f"{live_server.url}/gallery/")
    assert User.objects.get().username == "ada"
    page.get_by_role("button", name="Log out").click()
    # By way of the provider.
    page.wait_for_url(f"{live_server.url}/login/**")
    expect(page.get_by_role("link", name="Log in with Keycloak")).to_be_visible()
    assert provider.ended[0]["client_id"] == CLIENT


def test_a_refused_person_reads_why_and_can_use_a_password(
    live_server: LiveServer, page: Page, provider: Provider, user: User, complaints: list[str]
) -> None:
    provider.claims["email_verified"] = False
    page.goto(f"{live_server.url}/login/")
    page.get_by_role("link", name="Log in with Keycloak").click()
    expect(page.get_by_role("alert")).to_contain_text("has not confirmed your e-mail address")
    page.get_by_text("Log in with a password").click()
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill("a-good-password")
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(f"{live_server.url}/")
