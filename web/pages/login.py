"""One log-in and one log-out: the admin sends people to the page's."""

from typing import Any, Final

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from cv.trust.sign_on import SignOn

# In the session of a person who came from the provider: the token that ends the provider's session, too.
PROOF: Final = "sign_on_proof"


class LogIn(LoginView):
    """The form, and the button to the provider if there is one."""

    redirect_authenticated_user = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(**context, **provider_context())


class LogOut(LogoutView):
    """Ends the session here, then the one at the provider."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        config: SignOn | None = settings.XCLOUD_OIDC
        token = request.session.get(PROOF)
        response: HttpResponse = super().post(request, *args, **kwargs)
        if config is not None and token:
            response = self._leave_provider(request, config, token)
        # The names of files that only the browser knows. Browsers obey over HTTPS and on the same machine.
        response["Clear-Site-Data"] = '"storage"'
        return response

    def _leave_provider(self, request: HttpRequest, config: SignOn, token: str) -> HttpResponse:
        from cv.outbound.sign_on import log_out_url

        url = log_out_url(config, token, request.build_absolute_uri(reverse("login")))
        # A page, not a redirect: browsers refuse a form whose answer leads to another site (form-action).
        return render(request, "registration/logged_out.html", {"url": url, "provider": config.name})


def provider_context() -> dict[str, Any]:
    """The provider's name for the log-in page; None without a provider."""
    config: SignOn | None = settings.XCLOUD_OIDC
    return {"provider": config.name if config else None}


def admin_login(request: HttpRequest) -> HttpResponse:
    """In place of the admin's own form. Raises PermissionDenied for people who are logged in and may not see it."""
    if request.user.is_authenticated:
        raise PermissionDenied
    query = request.GET.urlencode()
    return redirect(f"{reverse('login')}?{query}" if query else reverse("login"))
