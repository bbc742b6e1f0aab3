"""Makes and updates the accounts of people who log in through an OpenID Connect provider."""

import re
from typing import Final

from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction

from cv.models import OutsideAccount
from cv.services.roles import ROLES
from cv.trust.sign_on import MAX_NAME, SUPERUSER, NotAdmitted, Person

# What Django allows in a user name.
NOT_IN_NAMES: Final = re.compile(r"[^\w.@+-]")


def outside_account_user(person: Person) -> User:
    """The user whom the provider means, made at the first log-in. Names, address and roles follow the provider.

    An account that was made here is never taken over, whatever its name or address: a new one gets a number.

    Raises NotAdmitted if an administrator has switched the account off.
    """
    for _ in range(2):
        try:
            with transaction.atomic():
                return _user_of(person)
        except IntegrityError:
            # The same person, or somebody of the same name, was made at this moment.
            continue
    with transaction.atomic():
        return _user_of(person)


def _user_of(person: Person) -> User:
    account = OutsideAccount.objects.filter(issuer=person.issuer, subject=person.subject).first()
    if account is None:
        user = User(username=_free_name(person.username))
        user.set_unusable_password()
    else:
        user = User.objects.select_for_update().get(pk=account.user_id)
        if not user.is_active:
            raise NotAdmitted("switched_off")
    user.email, user.first_name, user.last_name = person.email, person.first_name, person.last_name
    if person.roles is not None:
        user.is_staff = bool(person.roles)
        user.is_superuser = SUPERUSER in person.roles
    user.save()
    if account is None:
        OutsideAccount.objects.create(user=user, issuer=person.issuer, subject=person.subject)
    if person.roles is not None:
        others = user.groups.exclude(name__in=ROLES)
        user.groups.set([*others, *Group.objects.filter(name__in=person.roles)])
    return user


def _free_name(wanted: str) -> str:
    name = NOT_IN_NAMES.sub("-", User.normalize_username(wanted))[:MAX_NAME] or "person"
    number = 1
    free = name
    while User.objects.filter(username__iexact=free).exists():
        number += 1
        free = f"{name[: MAX_NAME - 8]}-{number}"
    return free
