"""Log-in through an OpenID Connect provider: how it is configured, and whom the provider's claims let in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

# The right to everything, beside the roles of cv/services/roles.py.
SUPERUSER: Final = "superuser"
ROLES: Final = ("viewer", "operator", "admin", SUPERUSER)
LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# The longest subject (OpenID Connect Core, section 2), and the columns' widths.
MAX_SUBJECT: Final = 255
MAX_NAME: Final = 150


class NotAdmitted(Exception):
    """The provider knows the person, but this service doesn't let them in. ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ProviderAway(Exception):
    """The provider does not answer, or not as OpenID Connect says."""


class LogInStale(Exception):
    """The log-in was begun too long ago, in another browser, or was finished already."""


class LogInDeclined(Exception):
    """The person, or the provider, stopped the log-in."""


class AnswerRefused(Exception):
    """The provider's answer can't be trusted, or the provider doesn't accept this client."""


@dataclass(frozen=True, slots=True)
class Person:
    """What a provider said about somebody who logged in. ``roles`` is None if they are given here."""

    issuer: str
    subject: str
    username: str
    email: str
    first_name: str
    last_name: str
    roles: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class SignOn:
    """The provider, and who may log in through it. An empty ``domains`` or ``groups`` admits all."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    scopes: tuple[str, ...]
    domains: frozenset[str]
    groups: frozenset[str]
    groups_claim: str
    # The provider's group for each role.
    roles: Mapping[str, frozenset[str]]
    verified_email: bool
    hours: int

    @classmethod
    def configured(
        cls,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        name: str,
        scopes: Sequence[str],
        domains: Sequence[str],
        groups: Sequence[str],
        groups_claim: str,
        roles: Sequence[str],
        verified_email: bool,
        hours: int,
    ) -> Self | None:
        """From the settings' texts; None without an issuer. Raises ImproperlyConfigured."""
        if not issuer:
            return None
        check_endpoint(issuer, "XCLOUD_OIDC_ISSUER")
        if not client_id:
            raise ImproperlyConfigured("XCLOUD_OIDC_ISSUER is set, so XCLOUD_OIDC_CLIENT_ID must name the client")
        if "openid" not in scopes:
            raise ImproperlyConfigured("XCLOUD_OIDC_SCOPES must contain openid")
        if domains and not verified_email:
            raise ImproperlyConfigured("XCLOUD_OIDC_DOMAINS needs verified addresses: XCLOUD_OIDC_VERIFIED_EMAIL=true")
        return cls(
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            name=name,
            scopes=tuple(scopes),
            domains=frozenset(domain.lower().removeprefix("@") for domain in domains),
            groups=frozenset(groups),
            groups_claim=groups_claim,
            roles=_roles(roles),
            verified_email=verified_email,
            hours=hours,
        )

    def needs(self, claims: Mapping[str, Any]) -> bool:
        """Whether the claims lack what the decision rests on, so that the provider should be asked for more."""
        lacks_email = self.verified_email and "email" not in claims
        return lacks_email or (bool(self.groups or self.roles) and not self._groups_of(claims))

    def admit(self, claims: Mapping[str, Any]) -> Person:
        """The person whom the claims describe. Raises NotAdmitted: ``no_subject``, ``email``, ``domain``, ``group``."""
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
            raise NotAdmitted("no_subject")
        email = _email(claims.get("email"))
        # Some providers write the word.
        if self.verified_email and (not email or claims.get("email_verified") not in (True, "true")):
            raise NotAdmitted("email")
        if self.domains and email.rpartition("@")[2].lower() not in self.domains:
            raise NotAdmitted("domain")
        groups = self._groups_of(claims)
        if self.groups and not groups & self.groups:
            raise NotAdmitted("group")
        return Person(
            issuer=self.issuer,
            subject=subject,
            username=_text(claims.get("preferred_username")) or email or subject,
            email=email,
            first_name=_text(claims.get("given_name")),
            last_name=_text(claims.get("family_name")),
            roles=frozenset(role for role, names in self.roles.items() if groups & names) if self.roles else None,
        )

    def _groups_of(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """The names in the claim; a path such as ``realm_access.roles`` goes into nested claims."""
        found: Any = claims.get(self.groups_claim)
        if found is None:
            found = claims
            for name in self.groups_claim.split("."):
                found = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(found, str):
            return frozenset({found})
        return frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()


def check_endpoint(url: str, name: str) -> None:
    """Passwords and tokens travel there: https, or this machine. Raises ImproperlyConfigured."""
    parts = urlsplit(url)
    is_local = parts.scheme == "http" and parts.hostname in LOCAL_HOSTS
    if not (parts.scheme == "https" or is_local) or not parts.hostname or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"{name} must be an https:// address, not {url!r}")


def _roles(words: Sequence[str]) -> dict[str, frozenset[str]]:
    """``operator=faces-operators``; a role may be named several times."""
    found: dict[str, frozenset[str]] = {}
    for word in words:
        role, _, group = (part.strip() for part in word.partition("="))
        if role not in ROLES or not group:
            raise ImproperlyConfigured(
                f"XCLOUD_OIDC_ROLES must be ROLE=GROUP with the roles {', '.join(ROLES)}, not {word!r}"
            )
        found[role] = found.get(role, frozenset()) | {group}
    return found


def _text(claim: Any) -> str:
    return " ".join(claim.split())[:MAX_NAME] if isinstance(claim, str) else ""


def _email(claim: Any) -> str:
    if not isinstance(claim, str) or len(claim) > 254:
        return ""
    try:
        validate_email(claim)
    except ValidationError:
        return ""
    return claim
