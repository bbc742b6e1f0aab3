"""API keys and their permissions."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from cv.choices import Scope


def default_scopes() -> list[str]:
    """The permissions that keys had before scopes existed; managing other keys is never a default."""
    return [Scope.ANALYSE.value, Scope.READ.value, Scope.ERASE.value]


class ApiKey(models.Model):
    """A client's key. Only a hash is kept: the secret has 256 random bits, so one SHA-256 is enough."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    sha256 = models.CharField(max_length=64)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="api_keys"
    )
    scopes = models.JSONField(default=default_scopes)
    # None allows all attributes of the server, also those that later versions add.
    attributes = models.JSONField(null=True, blank=True)
    # None applies the server's limit.
    rate_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"{self.name} (xc_{self.prefix}_…)"
