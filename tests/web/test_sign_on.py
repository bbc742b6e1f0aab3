"""Log-in through an OpenID Connect provider, which runs beside the test and speaks HTTP."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from joserfc.jwk import RSAKey
from pytest_django import Settings

from cv.models import OutsideAccount
from cv.trust.sign_on import SignOn
from tests.oidc import CLIENT, SECRET, Provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


def configured(issuer: str, **changes: Any) -> SignOn | None:
    texts: dict[str, Any] = {
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "name": "Keycloak",
        "scopes": ["openid", "email"],
        "domains": [],
        "groups": [],
        "groups_claim": "groups",
        "roles": [],
        "verified_email": True,
        "hours": 12,
    }
    return SignOn.configured(**texts | changes)


@pytest.fixture(autouse=True)
def sign_on(provider: Provider, settings: Settings) -> None:
    settings.XCLOUD_OIDC = configured(provider.issuer)


def come_back(client: Client, wanted: str = "") -> Any:
    """Presses the button, logs in at the provider, and returns; gives the last answer."""
    begun = client.get("/login/sign-on/", {"next": wanted} if wanted else {})
    assert begun.status_code == 302, begun.content
    sent_back = requests.get(begun["Location"], allow_redirects=False, timeout=5).headers["Location"]
    parts = urlsplit(sent_back)
    assert parts.path == "/login/sign-on/return/"
    return client.get(f"{parts.path}?{parts.query}")


def test_a_person_is_logged_in_and_gets_an_account(client: Client, provider: Provider) -> None:
    answer = come_back(client, "/gallery/")
    assert (answer.status_code, answer["Location"]) == (302, "/gallery/")
    user = User.objects.get()
    assert (user.username, user.email, user.get_full_name()) == ("ada", "ada@example.org", "Ada Lovelace")
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (False, False, False)
    assert client.get("/gallery/").status_code == 200
    # The session ends after XCLOUD_OIDC_HOURS.
    assert client.session.get_expiry_age() == 12 * 3600
    asked = provider.asked[0]
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 20
    assert len(asked["nonce"]) >= 20
    assert asked["scope"] == "openid email"


def test_the_account_follows_the_subject_not_the_name(client: Client, provider: Provider) -> None:
    come_back(client)
    provider.claims |= {"preferred_username": "ada.king", "email": "king@example.org"}
    come_back(Client())
    account = OutsideAccount.objects.get()
    assert (account.issuer, account.subject) == (provider.issuer, "248289761001")
    assert (account.user.username, account.user.email) == ("ada", "king@example.org")


def test_an_account_made_here_is_never_taken_over(client: Client, user: User, provider: Provider) -> None:
    user.email = "ada@example.org"
    user.is_superuser = True
    user.save()
    come_back(client)
    new = OutsideAccount.objects.get().user
    assert (new.username, new.is_superuser) == ("ada-2", False)
    # The account that was made here still logs in by its password.
    assert Client().post("/login/", {"username": "ada", "password": "a-good-password"}).status_code == 302


def test_another_site_is_no_place_to_go_to(client: Client) -> None:
    assert come_back(client, "https://evil.example/")["Location"] == "/"


def refused(answer: Any, status: int, words: str) -> None:
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    "spoiled",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": ["another client", "a third"], "azp": CLIENT},
        {"iss": "https://another.example"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"sub": None},
    ],
    ids=["nonce", "no nonce", "audience", "audiences", "issuer", "expired", "no expiry", "no subject"],
)
def test_a_token_that_is_not_for_this_log_in_is_refused(
    client: Client, provider: Provider, spoiled: dict[str, Any]
) -> None:
    def spoil(claims: dict[str, Any]) -> None:
        claims.update(spoiled)
        for name in [name for name, value in claims.items() if value is None]:
            del claims[name]

    provider.spoil = spoil
    refused(come_back(client), 403, "can’t be trusted")


def test_a_token_signed_with_another_key_is_refused(client: Client, provider: Provider) -> None:
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "first"})
    refused(come_back(client), 403, "can’t be trusted")


def test_a_provider_that_signs_with_a_shared_secret_is_refused(client: Client, provider: Provider) -> None:
    provider.described = {"id_token_signing_alg_values_supported": ["HS256", "none"]}
    refused(client.get("/login/sign-on/"), 403, "can’t be trusted")


def test_a_description_of_another_issuer_is_refused(client: Client, provider: Provider) -> None:
    provider.described = {"issuer": "https://another.example"}
    refused(client.get("/login/sign-on/"), 403, "can’t be trusted")


def test_a_plain_address_of_another_machine_is_refused(client: Client, provider: Provider) -> None:
    provider.described = {"token_endpoint": "http://example.org/token"}
    refused(client.get("/login/sign-on/"), 403, "can’t be trusted")


def test_a_provider_that_is_away_is_named_and_passwords_still_work(
    client: Client, user: User, provider: Provider
) -> None:
    provider.close()
    answer = client.get("/login/sign-on/")
    assert answer.status_code == 502
    assert "Keycloak does not answer now" in answer.content.decode()
    assert client.post("/login/", {"username": "ada", "password": "a-good-password"}).status_code == 302


def test_an_endless_description_is_cut_off(client: Client, provider: Provider) -> None:
    provider.padding = 2_000_000
    refused(client.get("/login/sign-on/"), 502, "does not answer now")


def test_a_return_is_good_for_one_log_in_in_one_browser(client: Client, provider: Provider) -> None:
    begun = client.get("/login/sign-on/")
    sent_back = requests.get(begun["Location"], allow_redirects=False, timeout=5).headers["Location"]
    path = sent_back.removeprefix("http://testserver")
    refused(Client().get(path), 400, "begun in another browser")
    assert client.get(path).status_code == 302
    assert client.get(path).status_code == 400
    assert client.get("/login/sign-on/return/").status_code == 400


def test_a_cancelled_log_in_says_so(client: Client, provider: Provider) -> None:
    provider.declines = True
    refused(come_back(client), 403, "was cancelled")


def test_a_wrong_client_secret_is_refused(client: Client, provider: Provider, settings: Settings) -> None:
    settings.XCLOUD_OIDC = configured(provider.issuer, client_secret="wrong")
    refused(come_back(client), 403, "can’t be trusted")


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email_verified": None}, {"email": "nonsense"}, {"email": None}]
)
def test_an_address_that_is_not_confirmed_is_refused(client: Client, provider: Provider, claims: Any) -> None:
    provider.claims |= claims
    provider.userinfo = {"sub": "248289761001"}
    refused(come_back(client), 403, "has not confirmed your e-mail address")


def test_only_people_of_the_domains_may_log_in(client: Client, provider: Provider, settings: Settings) -> None:
    settings.XCLOUD_OIDC = configured(provider.issuer, domains=["@example.org"])
    provider.claims["email"] = "mallory@example.org.evil.example"
    refused(come_back(client), 403, "of this domain")
    provider.claims["email"] = "ada@EXAMPLE.org"
    assert come_back(client).status_code == 302


def test_only_people_of_the_groups_may_log_in(client: Client, provider: Provider, settings: Settings) -> None:
    settings.XCLOUD_OIDC = configured(provider.issuer, groups=["faces"], groups_claim="realm_access.roles")
    provider.userinfo = {"sub": "248289761001", "realm_access": {"roles": ["others"]}}
    refused(come_back(client), 403, "in no group")
    # Groups that only the user info has.
    provider.userinfo["realm_access"] = {"roles": ["others", "faces"]}
    assert come_back(client).status_code == 302


def test_user_info_about_another_person_is_refused(client: Client, provider: Provider, settings: Settings) -> None:
    settings.XCLOUD_OIDC = configured(provider.issuer, groups=["faces"])
    provider.userinfo = {"sub": "another", "groups": ["faces"]}
    refused(come_back(client), 403, "can’t be trusted")


def test_roles_follow_the_provider_at_each_log_in(client: Client, provider: Provider, settings: Settings) -> None:
    settings.XCLOUD_OIDC = configured(
        provider.issuer, roles=["operator=faces-ops", "superuser=/faces/admins", "viewer=all"]
    )
    provider.claims["groups"] = ["faces-ops", "all"]
    come_back(client)
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser) == (True, False)
    assert sorted(group.name for group in user.groups.all()) == ["operator", "viewer"]
    assert client.get("/admin/").status_code == 200
    provider.claims["groups"] = ["/faces/admins"]
    come_back(Client())
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (True, True, 0)
    provider.claims["groups"] = "others"
    come_back(Client())
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)
    assert client.get("/admin/").status_code == 302


def test_an_account_that_was_switched_off_stays_off(client: Client, provider: Provider) -> None:
    come_back(client)
    User.objects.update(is_active=False)
    answer = come_back(Client())
    assert (answer.status_code, "switched off" in answer.content.decode()) == (403, True)


def test_a_log_out_ends_the_session_at_the_provider(client: Client, provider: Provider) -> None:
    come_back(client)
    page = client.post("/logout/").content.decode()
    assert client.get("/gallery/").status_code == 302
    url = page.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    query = parse_qs(urlsplit(url).query)
    assert url.startswith(f"{provider.issuer}/logout?")
    assert query["post_logout_redirect_uri"] == ["http://testserver/login/"]
    assert query["id_token_hint"][0].count(".") == 2


def test_a_log_out_works_while_the_provider_is_away(client: Client, user: User, settings: Settings) -> None:
    client.force_login(user)
    session = client.session
    session["sign_on_proof"] = "x"
    session.save()
    settings.XCLOUD_OIDC = configured("http://127.0.0.1:9/")
    assert "maybe not at Keycloak" in client.post("/logout/").content.decode()
    assert client.get("/gallery/").status_code == 302


def test_log_ins_through_the_provider_are_counted_by_address(client: Client, settings: Settings) -> None:
    settings.XCLOUD_LOGIN_RATE = 2
    assert [client.get("/login/sign-on/").status_code for _ in range(3)] == [302, 302, 429]


def test_without_a_provider_there_is_no_such_page(client: Client, settings: Settings) -> None:
    settings.XCLOUD_OIDC = None
    assert client.get("/login/sign-on/").status_code == 404
    assert client.get("/login/sign-on/return/").status_code == 404
    assert "sign-on" not in client.get("/login/").content.decode()


def test_the_log_in_page_has_the_button_and_the_form(client: Client) -> None:
    page = client.get("/login/?next=/gallery/").content.decode()
    assert 'href="/login/sign-on/?next=%2Fgallery%2F"' in page
    assert "Log in with Keycloak" in page
    assert 'name="password"' in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"issuer": "http://example.org"}, "must be an https:// address"),
        ({"client_id": ""}, "XCLOUD_OIDC_CLIENT_ID must name"),
        ({"scopes": ["email"]}, "must contain openid"),
        ({"roles": ["boss=x"]}, "ROLE=GROUP"),
        ({"roles": ["admin"]}, "ROLE=GROUP"),
        ({"domains": ["a.org"], "verified_email": False}, "needs verified addresses"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        configured(**{"issuer": "https://example.org", **changes})


def test_the_secret_is_not_shown(provider: Provider) -> None:
    assert SECRET not in repr(configured(provider.issuer))
