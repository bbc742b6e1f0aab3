"""Why a face is not enrolled, or a collection not searched. Each code is stable and part of the public API."""

from typing import Any

from cv.identity.errors import IdentityRefused


class EnrolmentRefused(IdentityRefused):
    """``facts`` are the numbers of the refusal, which the answer has, too."""

    def __init__(self, message: str, field: str, **facts: Any) -> None:
        super().__init__(message, field)
        self.facts = facts


class SeveralFaces(EnrolmentRefused):
    """The image has several faces, and the request does not say which to enrol."""

    code = "several_faces"


class LowQuality(EnrolmentRefused):
    """The face is blurred, turned or damaged: it would match people it should not."""

    code = "low_quality"


class DoubtfulFaces(EnrolmentRefused):
    """Every face of a group is of low quality or a child's: they would match people they should not."""

    code = "doubtful_faces"


class FarFromSubject(EnrolmentRefused):
    """The face does not look like the subject's others."""

    code = "far_from_subject"


class BelongsToAnother(EnrolmentRefused):
    """The face looks like someone else in the collection."""

    code = "belongs_to_another"


class AlreadyEnrolled(EnrolmentRefused):
    """The subject has this face already."""

    code = "already_enrolled"


class EnrolmentTooLarge(EnrolmentRefused):
    """More faces than one enrolment may have."""

    code = "enrolment_too_large"


class EmptyCollection(EnrolmentRefused):
    """A search has no one to find."""

    code = "empty_collection"
