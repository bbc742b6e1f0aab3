"""Hides faces in a picture: all, some, or everybody but the people of a collection. Nothing is stored."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from django.conf import settings

from cv.choices import AuditAction
from cv.engine.edits.types import EditedPicture, Redaction
from cv.engine.labels import Attribute
from cv.engine.outputs import EMBEDDING
from cv.engine.types import MAX_FACES_RANGE, AnalysisOptions
from cv.identity.odds import served_odds
from cv.models import Collection
from cv.search.photos import read_faces, search_faces
from cv.selectors import enrolled_faces
from cv.services.audit import audit_note
from cv.services.enrolment_errors import EmptyCollection
from cv.serving.engines import assume_connected, edited
from cv.trust.caller import Caller

# The age is computed for the doubt about children: a child is not recognised, so a child's face is hidden.
_ASKED: Final = frozenset({EMBEDDING.name, Attribute.AGE.value})


@dataclass(frozen=True, slots=True)
class Spared:
    """The people whose faces stay visible, and the share of strangers who may be taken for one of them."""

    collection: Collection
    fmr: float


def picture_redact(
    data: bytes,
    redaction: Redaction,
    caller: Caller,
    check_client: Callable[[], None] = assume_connected,
    spared: Spared | None = None,
) -> EditedPicture:
    """The picture with its faces hidden; with ``spared``, ``redaction.faces`` does not count.

    A face that is not surely one of the spared people is hidden: bad photos and children, too. Raises EngineError,
    Overloaded, and with ``spared`` also EmptyCollection and what a search of its collection raises.
    """
    if spared is not None:
        strangers = _find_strangers(data, redaction, caller, check_client, spared)
        redaction = replace(redaction, faces=strangers)
    return edited(data, redaction, caller.account, check_client)


def _find_strangers(
    data: bytes, redaction: Redaction, caller: Caller, check_client: Callable[[], None], spared: Spared
) -> frozenset[int]:
    """The indices of all faces but those of the spared people."""
    collection = spared.collection
    enrolled = enrolled_faces(collection).count()
    if not enrolled:
        raise EmptyCollection("the collection is empty; enrol faces first", "except_collection")
    options = AnalysisOptions(_ASKED, redaction.min_face_px, MAX_FACES_RANGE[1])
    result, vectors = read_faces(data, collection, options, caller.account, check_client)
    found = search_faces(collection, result.faces, vectors, served_odds().threshold(spared.fmr, enrolled), 1)
    named = [face.match.face for face in found if face.match] if settings.XCLOUD_AUDIT_FOUND else []
    audit_note(caller, AuditAction.COLLECTION_SEARCH, [collection.pk, *named], count=len(found))
    return frozenset(face.face.index for face in found if face.match is None)
