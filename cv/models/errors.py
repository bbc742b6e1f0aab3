"""How often the API answered which error, by day: kept, so that the numbers survive a restart."""

from django.db import models


class ErrorCount(models.Model):
    """A day in UTC and an error's stable code."""

    day = models.DateField()
    code = models.CharField(max_length=40)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "code"], name="error_counted_once_a_day")]

    def __str__(self) -> str:
        return f"{self.code} on {self.day}"
