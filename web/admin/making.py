"""Keys and webhooks made in the admin: a form, then the secret, shown once."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cv.choices import AuditAction, Scope, WebhookEvent
from cv.engine.outputs import public_outputs
from cv.outbound.addresses import FetchError, UrlForbidden, check_url, resolve_public
from cv.services import api_key_create, audit_note, webhook_create
from cv.trust.limits import MOST_DAYS, MOST_RATE
from web.admin.base import staff_caller
from web.admin.tables import translated
from web.words import output_title

LOOK_UP_S = 3.0


class KeyForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=_("What the key may do"),
        choices=translated(Scope.choices),
        initial=[Scope.ANALYSE, Scope.READ, Scope.ERASE],
        widget=forms.CheckboxSelectMultiple,
    )
    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True), label=_("The user whose pages show its analyses, too"), required=False
    )
    attributes = forms.MultipleChoiceField(
        label=_("Only these attributes (none ticked: all)"), required=False, widget=forms.CheckboxSelectMultiple
    )
    ttl_days = forms.IntegerField(
        label=_("Expires after days (empty: never)"), required=False, min_value=1, max_value=MOST_DAYS
    )
    rate_per_minute = forms.IntegerField(
        label=_("Requests per minute (empty: the server's limit)"), required=False, min_value=1, max_value=MOST_RATE
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(output.name, output_title(output.name)) for output in public_outputs()]
        self.fields["attributes"].choices = choices  # type: ignore[attr-defined]

    def make(self) -> tuple[Any, str]:
        """The key's row and its secret."""
        given = self.cleaned_data | {"attributes": self.cleaned_data["attributes"] or None}
        return api_key_create(**given)


class WebhookForm(forms.Form):
    url = forms.CharField(label=_("Address that events are posted to"), max_length=2000, widget=forms.URLInput)
    events = forms.MultipleChoiceField(
        label=_("Events"),
        choices=translated(WebhookEvent.choices),
        initial=WebhookEvent.values,
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_url(self) -> str:
        """A name that cannot be looked up now may be there later: each delivery looks again."""
        url: str = self.cleaned_data["url"]
        try:
            parts, port = check_url(url)
            resolve_public(parts.hostname or "", port, LOOK_UP_S, "webhooks")
        except UrlForbidden as error:
            raise forms.ValidationError(str(error)) from None
        except FetchError:
            pass
        return url

    def make(self) -> tuple[Any, str]:
        """The webhook's row and its secret."""
        return webhook_create(**self.cleaned_data)


class MadeOnce:
    """Mixed into a list: "add" makes a row through the service and shows its secret. For superusers."""

    make_form: ClassVar[type[KeyForm | WebhookForm]]
    made_action: ClassVar[AuditAction]
    make_title: ClassVar[Any]
    admin_site: Any
    opts: Any

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(request.user.is_superuser)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form; after it, the secret. Raises PermissionDenied."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.make_form(request.POST if request.method == "POST" else None)
        context = {**self.admin_site.each_context(request), "title": self.make_title, "opts": self.opts, "form": form}
        if request.method == "POST" and form.is_valid():
            with transaction.atomic():
                row, secret = form.make()
                audit_note(staff_caller(request), self.made_action, [row.pk])
            address = request.build_absolute_uri(reverse("analyses"))
            call = f'curl -H "Authorization: Bearer {secret}" -F image=@photo.jpg {address}'
            context |= {"row": row, "secret": secret, "call": call}
            response: HttpResponse = TemplateResponse(request, "admin/made.html", context)
        else:
            response = TemplateResponse(request, "admin/make.html", context)
        response["Cache-Control"] = "private, no-store"
        return response
