"""Who is asking: a person who logged in, or a client with an API key."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Q

from cv.models import ApiKey


@dataclass(frozen=True, slots=True)
class Caller:
    """At least one of the two is set. A key may belong to a user; then both are."""

    user: User | None = None
    api_key: ApiKey | None = None

    def __post_init__(self) -> None:
        if self.user is None and self.api_key is None:
            raise ValueError("a caller is a user or an API key")

    @property
    def owned(self) -> Q:
        """The analyses this caller may see: a key its own, a person also those of the keys they hold."""
        if self.api_key is not None:
            return Q(api_key=self.api_key)
        return Q(owner=self.user)
