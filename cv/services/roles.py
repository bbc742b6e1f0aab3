"""The staff's roles: groups with permissions, ensured after every migration."""

from typing import Final

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

VIEWER: Final = ("view_analysis", "view_face", "view_job", "view_jobitem")
# change_analysis allows analyzing a kept picture again and exporting; change_job allows pausing, cancelling and so on.
# Rows cannot be edited.
OPERATOR: Final = (
    *VIEWER, "change_analysis", "delete_analysis", "change_job", "delete_job", "view_apikey", "change_apikey",
    "view_auditevent", "view_webhook", "view_webhookdelivery",
)  # fmt: skip
ADMIN: Final = (*OPERATOR, "add_user", "change_user", "delete_user", "view_user", "view_group")
ROLES: Final = {"viewer": VIEWER, "operator": OPERATOR, "admin": ADMIN}


def roles_ensure() -> None:
    """Creates the missing groups with their permissions. Existing groups are not changed."""
    for name, codenames in ROLES.items():
        group, made = Group.objects.get_or_create(name=name)
        if made:
            known = Q(content_type__app_label="cv") | Q(content_type__app_label="auth")
            group.permissions.set(Permission.objects.filter(known, codename__in=codenames))
