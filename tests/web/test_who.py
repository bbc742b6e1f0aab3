"""The page that compares two photos: there only if the operator turned identity on, with purpose and legal basis."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings


@pytest.fixture
def person(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def test_while_identity_is_off_there_is_no_page_and_no_link(person: Client) -> None:
    assert person.get("/who/").status_code == 404
    assert b"/who/" not in person.get("/").content


def test_the_page_says_purpose_and_legal_basis_as_text(person: Client, settings: Settings) -> None:
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True)
    settings.XCLOUD_IDENTITY_PURPOSE = "Access to <b>the laboratory</b>."
    settings.XCLOUD_IDENTITY_LEGAL_BASIS = "Consent, Art. 9(2)(a) GDPR."

    html = person.get("/who/").content.decode()

    assert "Access to &lt;b&gt;the laboratory&lt;/b&gt;." in html
    assert "Consent, Art. 9(2)(a) GDPR." in html
    assert '<option value="0.0001" selected>at most 1 of 10,000 pairs</option>' in html
    assert 'href="/people/"' in html


def test_the_page_needs_a_log_in(client: Client, settings: Settings, db: None) -> None:
    settings.XCLOUD_IDENTITY = True
    assert client.get("/who/").status_code == 302
