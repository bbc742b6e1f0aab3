"""Log-in through an OpenID Connect provider: to it, back from it, and what to say if that fails."""

import logging
from typing import Final

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from cv.services import outside_account_user
from cv.trust.sign_on import AnswerRefused, LogInDeclined, LogInStale, NotAdmitted, ProviderAway, SignOn
from web.pages.login import PROOF, provider_context

# In the session: where the person wanted to go.
NEXT: Final = "sign_on_next"
# A log-in that was begun and not finished is forgotten after this time.
BEGUN_S: Final = 3600
BACKEND: Final = "xcloud.lockout.OneAtATimeBackend"

log = logging.getLogger(__name__)


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Sends the person to the provider."""
    from cv.outbound.sign_on import redirect_to_provider

    config = _config()
    wanted = request.GET.get("next", "")
    if request.user.is_authenticated:
        return redirect(_safe(request, wanted))
    try:
        answer = redirect_to_provider(config, request, request.build_absolute_uri(reverse("sign-on-return")))
    except (ProviderAway, AnswerRefused) as error:
        return _refusal(request, config, error)
    request.session[NEXT] = wanted
    request.session.set_expiry(BEGUN_S)
    return answer


@never_cache
@require_GET
def finish(request: HttpRequest) -> HttpResponse:
    """Logs the person in whom the provider sends back."""
    from cv.outbound.sign_on import claims_of

    config = _config()
    try:
        claims, token = claims_of(config, request)
        user = outside_account_user(config.admit(claims))
    except (ProviderAway, AnswerRefused, LogInStale, LogInDeclined, NotAdmitted) as error:
        return _refusal(request, config, error)
    wanted = request.session.pop(NEXT, "")
    login(request, user, backend=BACKEND)
    # What the provider takes away ends here with the session, at the latest.
    request.session.set_expiry(config.hours * 3600)
    request.session[PROOF] = token
    return redirect(_safe(request, wanted))


def _config() -> SignOn:
    config: SignOn | None = settings.XCLOUD_OIDC
    if config is None:
        raise Http404
    return config


def _safe(request: HttpRequest, wanted: str) -> str:
    """The wanted address, if it is one of this server."""
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else reverse(settings.LOGIN_REDIRECT_URL)


def _refusal(request: HttpRequest, config: SignOn, error: Exception) -> HttpResponse:
    """The log-in page with what went wrong and what to do. The log has the reason, and no name or address."""
    status, text = _words(config.name, error)
    log.warning("log-in through the provider refused", extra={"reason": f"{type(error).__name__}: {error}"})
    context = {
        "form": AuthenticationForm(request),
        "problem": text,
        "next": request.session.get(NEXT, ""),
        **provider_context(),
    }
    return render(request, "registration/login.html", context, status=status)


def _words(name: str, error: Exception) -> tuple[int, str]:
    said = {"provider": name}
    match error:
        case ProviderAway():
            return 502, gettext("%(provider)s does not answer now. Try again in a minute.") % said
        case LogInStale():
            return 400, gettext("This log-in is too old, or was begun in another browser. Start again.")
        case LogInDeclined():
            return 403, gettext("The log-in at %(provider)s was cancelled.") % said
        case NotAdmitted(code="email"):
            return 403, gettext(
                "%(provider)s has not confirmed your e-mail address. Confirm it there, then log in."
            ) % said
        case NotAdmitted(code="domain"):
            return 403, gettext(
                "People with an e-mail address of this domain may not log in here. Use your work account."
            )
        case NotAdmitted(code="group"):
            return 403, gettext(
                "Your account at %(provider)s is in no group that may log in here. Ask your administrator."
            ) % said
        case NotAdmitted(code="switched_off"):
            return 403, gettext("Your account is switched off here. Ask your administrator.")
    return 403, gettext(
        "The answer of %(provider)s can’t be trusted, so you are not logged in. The server’s log says why."
    ) % said
