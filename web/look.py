"""How the admin looks: the pages' colours, type and logo, and where its navigation leads."""

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

# From the pages' paper to their ink, and around their accent (static/css/base.css).
GREYS: Final = {
    "50": "#f6f7f6", "100": "#eceeed", "200": "#dcdfde", "300": "#c3c9c7", "400": "#9dacaa", "500": "#5a6664",
    "600": "#4a5553", "700": "#2d3836", "800": "#26302e", "900": "#181f1e", "950": "#101514",
}  # fmt: skip
ACCENTS: Final = {
    "50": "#eef7f6", "100": "#d5ebe8", "200": "#b3dcd7", "300": "#86ddd6", "400": "#5cc9c0", "500": "#23948c",
    "600": "#0b6e69", "700": "#095f5b", "800": "#08544f", "900": "#1d403d", "950": "#06211f",
}  # fmt: skip


def may(permission: str) -> Callable[[HttpRequest], bool]:
    """Whether the person may see the page."""
    return lambda request: request.user.has_perm(permission)


def entry(title: Any, icon: str, model: str) -> dict[str, Any]:
    """The list of a model, for those who may see it."""
    app, _dot, name = model.rpartition(".")
    link = reverse_lazy(f"admin:{app}_{name}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": may(f"{app}.view_{name}")}


def people_entry(title: Any, icon: str, name: str) -> dict[str, Any]:
    """A list of identity, for those who may erase subjects."""
    link = reverse_lazy(f"admin:cv_{name}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": may("cv.delete_analysis")}


UNFOLD: Final[dict[str, Any]] = {
    "SITE_TITLE": "XCloud",
    "SITE_HEADER": "XCloud",
    "SITE_ICON": lambda request: static("favicon.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")}],
    "SHOW_LANGUAGES": True,
    "COLORS": {"base": GREYS, "primary": ACCENTS},
    "DASHBOARD_CALLBACK": "web.admin.dashboard.dashboard_context",
    "STYLES": [lambda request: static("dashboard/dashboard.css")],
    "SIDEBAR": {
        "navigation": [
            {
                "items": [
                    {"title": _("Overview"), "icon": "monitoring", "link": reverse_lazy("admin:index")},
                    {
                        "title": _("Back to the pages"),
                        "icon": "arrow_back",
                        "link": reverse_lazy("upload"),
                        # Every address begins with it.
                        "active": lambda request: False,
                    },
                ]
            },
            {
                "title": _("Photos"),
                "separator": True,
                "items": [
                    entry(_("Analyses"), "image", "cv.analysis"),
                    entry(_("All faces"), "face", "cv.face"),
                    entry(_("Jobs"), "stacks", "cv.job"),
                    entry(_("Images of jobs"), "photo_library", "cv.jobitem"),
                ],
            },
            {
                "title": _("People"),
                "separator": True,
                "items": [
                    people_entry(_("Collections"), "groups", "collection"),
                    people_entry(_("Enrolled faces"), "how_to_reg", "enrolledface"),
                    people_entry(_("Groups of unknown faces"), "person_search", "facegroup"),
                ],
            },
            {
                "title": _("Access"),
                "separator": True,
                "items": [
                    entry(_("API keys"), "key", "cv.apikey"),
                    entry(_("Webhooks"), "webhook", "cv.webhook"),
                    entry(_("Webhook deliveries"), "outgoing_mail", "cv.webhookdelivery"),
                    entry(_("Audit log"), "fact_check", "cv.auditevent"),
                    entry(_("Accounts"), "person", "auth.user"),
                    entry(_("Roles"), "group", "auth.group"),
                ],
            },
        ]
    },
}
