"""Accounts at an OpenID Connect provider, and the people here that they belong to."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from cv.models.analyses import ExactCharField


class OutsideAccount(models.Model):
    """Who logs in through a provider: only issuer and subject name a person for good, no address or name does."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="outside_accounts")
    issuer = ExactCharField(max_length=255)
    subject = ExactCharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="one_account_of_a_subject")]

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"
