"""Which answers are too uncertain to use. Only this file decides it, from stored values and the settings."""

from django.conf import settings
from django.db.models import F, Q

from cv.engine.labels import CLASSES, Attribute
from cv.engine.types import Category, Estimate


def abstains(attribute: Attribute, answer: Category | Estimate) -> bool:
    """Whether the label's probability is below the setting, or the interval wider than it."""
    if isinstance(answer, Category):
        return answer.probabilities[answer.label] < limit_of(attribute)
    low, high = answer.interval
    return high > low + limit_of(attribute)


def unsure(attribute: Attribute) -> Q:
    """The same as a condition on faces' rows; those without the attribute do not meet it."""
    if attribute in CLASSES:
        return Q(**{f"{attribute}_probability__lt": limit_of(attribute)})
    return Q(**{f"{attribute}_high__gt": F(f"{attribute}_low") + limit_of(attribute)})


def limit_of(attribute: Attribute) -> float:
    """A probability; for age a width in years, for beauty one in points of the scale."""
    limits = settings.XCLOUD_ABSTAIN_BELOW if attribute in CLASSES else settings.XCLOUD_ABSTAIN_WIDER
    return float(limits[attribute])
