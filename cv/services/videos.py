"""Saves what was read from a video: an analysis whose faces are people, with the track of each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from cv.engine.outputs import EMBEDDING
from cv.engine.types import AnalysisResult, Vector
from cv.engine.video.types import Person, VideoResult
from cv.models import Analysis, Face, JobItem, Track, Video, track_row, video_row
from cv.search.grouping import group_faces
from cv.services.analyses import AnalysisRequest
from cv.services.job_items import item_save
from cv.trust.caller import Caller


def video_save(
    item: JobItem, lease: str, video: VideoResult, rate: float, request: AnalysisRequest, caller: Caller
) -> Analysis:
    """Saves the analysis of a job's video, and marks the item as done, in one transaction.

    Raises LeaseLost, StorageUnavailable.
    """
    groups = people_groups(video.people)

    def tracks_insert(analysis: Analysis) -> None:
        Video.objects.bulk_create([video_row(analysis, video, rate)])
        faces = {face.index: face for face in Face.objects.filter(analysis=analysis)}
        Track.objects.bulk_create(
            [track_row(faces[person.face.index], person, groups.get(person.face.index)) for person in video.people],
            batch_size=50,
        )

    result = AnalysisResult(
        image=video.image,
        faces=tuple(person.face for person in video.people),
        model=video.model,
        timing_ms=video.timing_ms,
        models=video.models,
        picture=video.picture,
    )
    return item_save(item, lease, result, replace(request, data=b""), caller, also=tracks_insert)


def people_groups(people: Sequence[Person]) -> dict[int, int]:
    """The group of each person with an embedding, by the face's index: tracks of one person have the same.

    Two people who are seen at the same time are different ones.
    """
    known = [person for person in people if EMBEDDING.name in person.face.attributes]
    if not known:
        return {}
    vectors = np.array([cast(Vector, person.face.attributes[EMBEDDING.name]).values for person in known], np.float32)
    apart = [
        (one, other)
        for one, first in enumerate(known)
        for other, second in enumerate(known[:one])
        if first.first_at <= second.last_at and second.first_at <= first.last_at
    ]
    groups = group_faces(vectors, apart=apart)
    return {person.face.index: int(group) for person, group in zip(known, groups, strict=True)}
