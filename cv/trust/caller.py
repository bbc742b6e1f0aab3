"""Who makes a request: a logged-in person or a client with an API key, and their permissions."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q

from cv.choices import Scope
from cv.engine.outputs import EMBEDDING, public_outputs
from cv.models import ApiKey
from cv.serving.outputs import served_outputs

OF_EVERY_PERSON = frozenset({Scope.ANALYSE, Scope.READ, Scope.ERASE})


@dataclass(frozen=True, slots=True)
class Caller:
    """A user, a key, or both: a key may belong to a user."""

    user: User | None = None
    api_key: ApiKey | None = None

    def __post_init__(self) -> None:
        if self.user is None and self.api_key is None:
            raise ValueError("a caller is a user or an API key")

    @property
    def owned(self) -> Q:
        """Selects the analyses that the caller may see: a key's own; a person's, including those of their keys."""
        if self.api_key is not None:
            return Q(api_key=self.api_key)
        return Q(owner=self.user)

    @property
    def name(self) -> str:
        """For logs and the audit log: an id, never a person's name."""
        return f"key:{self.api_key.pk}" if self.api_key is not None else f"user:{self.user.pk if self.user else ''}"

    @property
    def account(self) -> str:
        """Whose share of the server it uses: a person is one, with however many keys."""
        return f"user:{self.user.pk}" if self.user is not None else self.name

    @property
    def scopes(self) -> frozenset[Scope]:
        """The key's scopes; for a person the default ones, identity where it is on, and administration for
        superusers."""
        if self.api_key is not None:
            return frozenset(Scope(scope) for scope in self.api_key.scopes)
        is_admin = self.user is not None and self.user.is_superuser
        identify = {Scope.IDENTIFY} if settings.XCLOUD_IDENTITY else set()
        return OF_EVERY_PERSON | identify | ({Scope.ADMIN} if is_admin else set())

    @property
    def is_limited(self) -> bool:
        """Whether the caller is a key that is limited to some attributes; the server's own settings do not count."""
        given = self.api_key.attributes if self.api_key is not None else None
        return given is not None and not {output.name for output in public_outputs()}.issubset(given)

    def may_compute(self, asked: Iterable[str]) -> frozenset[str]:
        """Those of the outputs asked for that the caller may have; a vector only where faces may be identified."""
        vector = {EMBEDDING.name} if settings.XCLOUD_IDENTITY and Scope.IDENTIFY in self.scopes else set()
        return (self.attributes | vector).intersection(asked)

    @property
    def attributes(self) -> frozenset[str]:
        """The outputs that the server serves and the key may have."""
        if self.api_key is None or self.api_key.attributes is None:
            return served_outputs()
        return served_outputs().intersection(self.api_key.attributes)
