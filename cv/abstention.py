"""Decides which answers are too uncertain to use. It is computed on read, from stored values and the settings."""

from django.conf import settings
from django.db.models import F, Q

from cv.engine.labels import CLASSES, Attribute
from cv.engine.types import Answer, Category, Estimate


def abstains(output: str, answer: Answer, quality: float) -> bool:
    """Whether the label's probability is below, or the interval wider than, the setting, or the face's ``quality`` is
    below its own. False for an output without a setting."""
    if output not in settings.XCLOUD_ABSTAIN_BELOW and output not in settings.XCLOUD_ABSTAIN_WIDER:
        return False
    if quality < settings.XCLOUD_ABSTAIN_QUALITY:
        return True
    match answer:
        case Category(label, probabilities):
            return probabilities[label] < limit_of(output)
        case Estimate(interval=(low, high)):
            return high > low + limit_of(output)
        case _:
            return False


def unsure(attribute: str) -> Q:
    """The same decision as a condition on Face rows. Faces without the attribute do not match."""
    poor = Q(quality_score__lt=settings.XCLOUD_ABSTAIN_QUALITY)
    if attribute in CLASSES:
        answered, limit = f"{attribute}_probability", Q(**{f"{attribute}_probability__lt": limit_of(attribute)})
    else:
        answered, limit = attribute, Q(**{f"{attribute}_high__gt": F(f"{attribute}_low") + limit_of(attribute)})
    return limit | (poor & Q(**{f"{answered}__isnull": False}))


def sure(attribute: str) -> Q:
    """The opposite as a condition: faces whose answer did not abstain."""
    good = Q(quality_score__gte=settings.XCLOUD_ABSTAIN_QUALITY)
    if attribute in CLASSES:
        return good & Q(**{f"{attribute}_probability__gte": limit_of(attribute)})
    return good & Q(**{f"{attribute}_high__lte": F(f"{attribute}_low") + limit_of(attribute)})


def limit_of(attribute: str) -> float:
    """The setting: a probability, or a width in the unit of the estimate."""
    limits = settings.XCLOUD_ABSTAIN_BELOW if attribute in CLASSES else settings.XCLOUD_ABSTAIN_WIDER
    return float(limits[Attribute(attribute)])
