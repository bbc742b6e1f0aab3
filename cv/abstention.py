"""Decides which answers are too uncertain to use. It is computed on read, from stored values and the settings."""

from django.conf import settings
from django.db.models import F, Q

from cv.engine.labels import CLASSES, Attribute
from cv.engine.types import Answer, Category, Estimate


def abstains(output: str, answer: Answer) -> bool:
    """Whether the label's probability is below, or the interval wider than, the setting. False without a setting."""
    match answer:
        case Category(label, probabilities) if output in settings.XCLOUD_ABSTAIN_BELOW:
            return probabilities[label] < limit_of(output)
        case Estimate(interval=(low, high)) if output in settings.XCLOUD_ABSTAIN_WIDER:
            return high > low + limit_of(output)
        case _:
            return False


def unsure(attribute: str) -> Q:
    """The same decision as a condition on Face rows. Faces without the attribute do not match."""
    if attribute in CLASSES:
        return Q(**{f"{attribute}_probability__lt": limit_of(attribute)})
    return Q(**{f"{attribute}_high__gt": F(f"{attribute}_low") + limit_of(attribute)})


def sure(attribute: str) -> Q:
    """The opposite as a condition: faces whose answer did not abstain."""
    if attribute in CLASSES:
        return Q(**{f"{attribute}_probability__gte": limit_of(attribute)})
    return Q(**{f"{attribute}_high__lte": F(f"{attribute}_low") + limit_of(attribute)})


def limit_of(attribute: str) -> float:
    """The setting: a probability, or a width in the unit of the estimate."""
    limits = settings.XCLOUD_ABSTAIN_BELOW if attribute in CLASSES else settings.XCLOUD_ABSTAIN_WIDER
    return float(limits[Attribute(attribute)])
