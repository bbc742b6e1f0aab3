"""Sorts the photos of a job by person: a folder each, for those whose faces look alike."""

import shutil
from collections import Counter, defaultdict
from pathlib import Path

from cv.engine.outputs import EMBEDDING
from cv.identity.odds import identity_model
from cv.models import FaceVector, Job
from cv.search.grouping import group_faces
from cv.services.face_vectors import vectors_of


def photos_sort(job: Job, photos: Path, out: Path) -> int:
    """Links (copies, across disks) each photo into a folder of each person on it; returns how many people there are.

    ``person-001`` is on most photos. A photo without a face is in no folder. Raises IdentityOff,
    ModelNotReady, OSError, Unreadable.
    """
    served = identity_model()
    names = dict(job.items.exclude(analysis=None).values_list("analysis", "name"))
    found = FaceVector.objects.filter(face__analysis__job_item__job=job, model_sha256=served.card.sha256)
    rows = list(found.select_related("face").order_by("face__analysis__job_item__index", "face__index"))
    if not rows:
        return 0
    groups = group_faces(vectors_of(rows, served.heads[EMBEDDING.name]))
    people: dict[int, set[str]] = defaultdict(set)
    for row, group in zip(rows, groups.tolist(), strict=True):
        people[group].add(names[row.face.analysis_id])
    largest = Counter({group: len(on) for group, on in people.items()}).most_common()
    digits = max(3, len(str(len(largest))))
    for number, (group, _) in enumerate(largest, 1):
        for name in sorted(people[group]):
            _place(photos / name, out / f"person-{number:0{digits}}" / name.strip("/").replace("/", "__"))
    return len(largest)


def _place(photo: Path, target: Path) -> None:
    if not photo.is_file():
        # Gone since it was analyzed, or its name is longer than is kept.
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(photo)
    except OSError:
        shutil.copy2(photo, target)
