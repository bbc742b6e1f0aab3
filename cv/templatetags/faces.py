"""Words and shapes of analyses for the templates."""

from django import template
from django.conf import settings
from django.utils.translation import gettext, ngettext

from cv.engine.labels import Attribute
from cv.models import Analysis
from cv.words import LABELS

register = template.Library()


@register.filter
def in_words(analysis: Analysis) -> str:
    """“Female, about 31” for one face, the number of faces for others."""
    found = list(analysis.faces.all())
    if len(found) == 1:
        words = []
        if found[0].gender and Attribute.GENDER in settings.XCLOUD_ATTRIBUTES:
            words.append(str(LABELS[found[0].gender]))
        if found[0].age is not None and Attribute.AGE in settings.XCLOUD_ATTRIBUTES:
            words.append(gettext("about %(age)d") % {"age": round(found[0].age)})
        if words:
            return gettext(", ").join(words)
    if not found:
        return gettext("No face")
    return ngettext("%(count)d face", "%(count)d faces", len(found)) % {"count": len(found)}


@register.filter
def is_wide(analysis: Analysis) -> bool:
    return analysis.image_width >= analysis.image_height


@register.filter
def label(name: str) -> object:
    """A label of the engine in the visitor's language."""
    return LABELS.get(name, name)
