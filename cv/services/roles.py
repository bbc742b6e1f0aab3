"""The staff's roles: groups with permissions, made once and again whenever the tables were migrated."""

from typing import Final

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

VIEWER: Final = ("view_analysis", "view_face", "view_job", "view_jobitem")
# change_analysis is to describe a kept picture again and to export, change_job to pause, cancel and so on; rows cannot
# be edited by anyone.
OPERATOR: Final = (
    *VIEWER, "change_analysis", "delete_analysis", "change_job", "delete_job", "view_apikey", "change_apikey",
    "view_auditevent", "view_webhook", "view_webhookdelivery",
)  # fmt: skip
ADMIN: Final = (*OPERATOR, "add_user", "change_user", "delete_user", "view_user", "view_group")
ROLES: Final = {"viewer": VIEWER, "operator": OPERATOR, "admin": ADMIN}


def roles_ensure() -> None:
    """Makes the groups that are missing, with their permissions. One that exists is left as its owner made it."""
    for name, codenames in ROLES.items():
        group, made = Group.objects.get_or_create(name=name)
        if made:
            known = Q(content_type__app_label="cv") | Q(content_type__app_label="auth")
            group.permissions.set(Permission.objects.filter(known, codename__in=codenames))
