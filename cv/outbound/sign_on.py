"""Talks to the OpenID Connect provider: sends people there, and checks what they bring back.

Authlib takes 4 MB, so this is imported only by a server that has a provider.
"""

import io
import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client import MismatchingStateError, OAuthError
from authlib.integrations.django_client import DjangoIntegration, DjangoOAuth2App
from authlib.integrations.requests_client import OAuth2Session
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseRedirect
from joserfc.errors import JoseError

from cv.trust.sign_on import AnswerRefused, LogInDeclined, LogInStale, ProviderAway, SignOn, check_endpoint

TIMEOUT_S: Final = 5
# One answer of the provider, with all its bytes.
ANSWER_S: Final = 10
MAX_ANSWER: Final = 1024 * 1024
# How long the provider's description and keys are remembered. A token with an unknown key asks for the keys again.
REMEMBERED_S: Final = 3600
# How far its clock may differ.
LEEWAY_S: Final = 60
# Signatures that only the provider can make: not `none`, and not those with a shared secret.
ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint")


class _Session(OAuth2Session):  # type: ignore[misc]
    """Bounds each answer in bytes and time, and follows no redirects."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        options |= {"timeout": TIMEOUT_S, "stream": True, "allow_redirects": False}
        until = time.monotonic() + ANSWER_S
        response: requests.Response = super().send(request, **options)
        body = io.BytesIO()
        for chunk in response.iter_content(16 * 1024):
            body.write(chunk)
            if body.tell() > MAX_ANSWER or time.monotonic() > until:
                response.close()
                raise requests.RequestException("the answer is too long or too slow")
        response._content = body.getvalue()
        return response


class _Provider(DjangoOAuth2App):  # type: ignore[misc]
    client_cls = _Session

    def load_server_metadata(self) -> dict[str, Any]:
        """The provider's description of itself. Raises AnswerRefused if it is of another issuer."""
        known = "_loaded_at" in self.server_metadata
        found: dict[str, Any] = super().load_server_metadata()
        if not known:
            try:
                _check_description(found, self.issuer)
            except BaseException:
                found.clear()
                raise
        return found


_providers: dict[tuple[object, ...], tuple[float, _Provider]] = {}
_making = threading.Lock()


def _provider(config: SignOn) -> _Provider:
    key = (config.issuer, config.client_id, config.client_secret, config.scopes)
    with _making:
        made_at, provider = _providers.get(key, (0.0, None))
        if provider is None or time.monotonic() - made_at > REMEMBERED_S:
            provider = _Provider(
                DjangoIntegration("sign_on"),
                name="sign_on",
                client_id=config.client_id,
                client_secret=config.client_secret or None,
                server_metadata_url=f"{config.issuer.rstrip('/')}/.well-known/openid-configuration",
                client_kwargs={
                    "scope": " ".join(config.scopes),
                    "code_challenge_method": "S256",
                    **({} if config.client_secret else {"token_endpoint_auth_method": "none"}),
                },
            )
            provider.issuer = config.issuer
            _providers[key] = (time.monotonic(), provider)
        return provider


def _check_description(found: dict[str, Any], issuer: str) -> None:
    if found.get("issuer") != issuer:
        raise AnswerRefused(f"the provider says that its issuer is {found.get('issuer')!r}")
    for name in ENDPOINTS:
        if name in found:
            try:
                check_endpoint(str(found[name]).partition("?")[0], name)
            except ImproperlyConfigured as error:
                raise AnswerRefused(str(error)) from None
    offered = found.get("id_token_signing_alg_values_supported") or ["RS256"]
    found["id_token_signing_alg_values_supported"] = [name for name in ALGORITHMS if name in offered]
    if not found["id_token_signing_alg_values_supported"]:
        raise AnswerRefused("the provider signs with no algorithm that has a public key")


def redirect_to_provider(config: SignOn, request: HttpRequest, back: str) -> HttpResponseRedirect:
    """Sends the person to the provider, which sends them to ``back``; state, nonce and verifier go into the session.

    Raises ProviderAway, AnswerRefused.
    """
    try:
        answer: HttpResponseRedirect = _provider(config).authorize_redirect(request, back)
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ProviderAway(str(error)) from error
    return answer


def claims_of(config: SignOn, request: HttpRequest) -> tuple[dict[str, Any], str]:
    """What the provider says about the person who returns from it, checked; and the token that says so.

    Raises LogInStale, LogInDeclined, AnswerRefused, ProviderAway.
    """
    if error := request.GET.get("error"):
        if error == "access_denied":
            raise LogInDeclined
        raise AnswerRefused(f"the provider says {error[:100]!r}")
    provider = _provider(config)
    try:
        answer = provider.authorize_access_token(
            request,
            claims_options={
                "iss": {"essential": True, "value": config.issuer},
                "aud": {"essential": True, "value": config.client_id},
                "exp": {"essential": True},
            },
            leeway=LEEWAY_S,
        )
        claims = answer.get("userinfo")
        if claims is None:
            raise AnswerRefused("the provider sent no ID token")
        claims = dict(claims)
        if config.needs(claims) and "userinfo_endpoint" in provider.load_server_metadata():
            claims = _with_userinfo(provider, answer, claims)
    except MismatchingStateError as stale:
        raise LogInStale from stale
    except OAuthError as refused:
        if refused.error == "invalid_grant":
            raise LogInStale from refused
        raise AnswerRefused(f"the provider says {str(refused.error)[:100]!r}") from refused
    except JoseError as wrong:
        raise AnswerRefused(f"the ID token is not valid: {wrong}") from wrong
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as away:
        raise ProviderAway(str(away)) from away
    return claims, str(answer["id_token"])


def _with_userinfo(provider: _Provider, answer: Mapping[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    """The claims of the ID token, and of the provider's user info about the same person."""
    further = provider.userinfo(token=answer)
    if further.get("sub") != claims.get("sub"):
        raise AnswerRefused("the user info is about another person")
    return {**further, **claims}


def log_out_url(config: SignOn, id_token: str, back: str) -> str | None:
    """Where the person's session at the provider ends; None if the provider is away or has no such place."""
    try:
        found: str = _provider(config).create_logout_url(back, id_token, client_id=config.client_id)["url"]
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError, RuntimeError, AnswerRefused):
        return None
    return found if urlsplit(found).scheme in ("https", "http") else None
