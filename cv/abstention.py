"""Which answers are too uncertain to use. Only this file decides it, from stored values and the settings."""

from django.conf import settings
from django.db.models import F, Q

from cv.engine.labels import CLASSES, Attribute
from cv.engine.types import Answer, Category, Estimate


def abstains(output: str, answer: Answer) -> bool:
    """Whether the label's probability is below the setting, or the interval wider than it; never without a setting."""
    match answer:
        case Category(label, probabilities) if output in settings.XCLOUD_ABSTAIN_BELOW:
            return probabilities[label] < limit_of(output)
        case Estimate(interval=(low, high)) if output in settings.XCLOUD_ABSTAIN_WIDER:
            return high > low + limit_of(output)
        case _:
            return False


def unsure(attribute: str) -> Q:
    """The same as a condition on faces' rows; those without the attribute do not meet it."""
    if attribute in CLASSES:
        return Q(**{f"{attribute}_probability__lt": limit_of(attribute)})
    return Q(**{f"{attribute}_high__gt": F(f"{attribute}_low") + limit_of(attribute)})


def limit_of(attribute: str) -> float:
    """A probability, or a width in the unit of the estimate."""
    limits = settings.XCLOUD_ABSTAIN_BELOW if attribute in CLASSES else settings.XCLOUD_ABSTAIN_WIDER
    return float(limits[Attribute(attribute)])
