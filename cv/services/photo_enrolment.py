"""Enrols one face of a photo."""

from cv.engine.types import AnalysisResult, FaceResult
from cv.identity.errors import NoFace
from cv.identity.faces import LOW_QUALITY
from cv.services.enrolment_checks import RefusalReason
from cv.services.enrolment_errors import LowQuality, SeveralFaces


def chosen_face(result: AnalysisResult, index: int | None) -> FaceResult:
    """The face of the photo with this index or, without one, its only face.

    Raises NoFace, SeveralFaces.
    """
    faces = result.faces
    if not faces:
        raise NoFace("no face was found in this image", "image")
    if index is None:
        if len(faces) > 1:
            raise SeveralFaces(
                f"the image has {len(faces)} faces; say which one in `face`, 0 is the largest", "face", faces=len(faces)
            )
        return faces[0]
    if index >= len(faces):
        raise NoFace(f"the image has no face {index}; it has {len(faces)}, and the first is 0", "face")
    return faces[index]


def check_quality(face: FaceResult, accepted: frozenset[RefusalReason]) -> None:
    """Raises LowQuality."""
    if face.quality.score < LOW_QUALITY and RefusalReason.LOW_QUALITY not in accepted:
        why = f" ({', '.join(face.quality.warnings)})" if face.quality.warnings else ""
        raise LowQuality(
            f"the quality of this face is {face.quality.score:.2f}, below {LOW_QUALITY}{why}; use a better photo, or "
            f"accept `{RefusalReason.LOW_QUALITY}`",
            "image",
            quality=round(face.quality.score, 4),
            threshold=LOW_QUALITY,
            warnings=list(face.quality.warnings),
        )
