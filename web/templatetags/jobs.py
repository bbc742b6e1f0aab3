"""Words and numbers of jobs for the templates."""

from django import template
from django.utils.translation import gettext, ngettext

from cv.choices import ItemState, JobState
from cv.jobs.progress import JobStatus
from cv.models import Face, FoundPerson, JobItem
from web.words import ITEM_ERRORS, JOB_SOURCES, JOB_STATES

register = template.Library()
MINUTE, HOUR, DAY = 60, 3600, 86400


@register.filter
def state_words(state: str) -> object:
    """The state of a job or of an image of one, in the visitor's language."""
    return JOB_STATES.get(state, state)


@register.filter
def error_words(code: str) -> object:
    """Why an image failed, in the visitor's language."""
    return ITEM_ERRORS.get(code, code)


@register.filter
def source_words(source: str) -> object:
    return JOB_SOURCES.get(source, source)


@register.filter
def found_names(item: JobItem) -> list[str]:
    """Who was found in the image of a job that searches a collection, in the order of the faces."""
    return [found.enrolled.subject for _, found in _matches(item) if found is not None]


@register.filter
def unknown_faces(item: JobItem) -> int:
    """How many faces of the image were searched and have no name."""
    return sum(found is None for _, found in _matches(item))


def _matches(item: JobItem) -> list[tuple[Face, FoundPerson | None]]:
    faces = item.analysis.faces.all() if item.analysis is not None else []
    searched = [face for face in faces if hasattr(face, "search")]
    return [(face, next((one for one in face.search.candidates.all() if one.is_match), None)) for face in searched]


@register.filter
def closed(status: JobStatus) -> int:
    """How many images are finished, failed or not; for a job that is being deleted, how many are deleted."""
    if status.job.state == JobState.DELETING:
        return status.job.item_count - sum(status.counts.values())
    return status.counts[ItemState.DONE] + status.counts[ItemState.FAILED]


@register.filter
def progressed(status: JobStatus) -> float:
    """The same, with the part of a video that has been read."""
    return closed(status) + status.begun


@register.filter
def percent(share: float) -> str:
    """0.5 → "50 %"."""
    return f"{share:.0%}".replace("%", " %")


@register.filter
def left_in_words(seconds: float) -> str:
    """“About 5 minutes left”, rounded to the accuracy of the estimate."""
    if seconds < MINUTE:
        return gettext("less than a minute left")
    if seconds < HOUR:
        minutes = round(seconds / MINUTE)
        return ngettext("about %(count)d minute left", "about %(count)d minutes left", minutes) % {"count": minutes}
    if seconds < DAY:
        hours = round(seconds / HOUR)
        return ngettext("about %(count)d hour left", "about %(count)d hours left", hours) % {"count": hours}
    days = round(seconds / DAY)
    return ngettext("about %(count)d day left", "about %(count)d days left", days) % {"count": days}
