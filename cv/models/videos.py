"""What an analysis of a video has beside one of a photo: its faces are people, each followed through a scene."""

from typing import Any

from django.db import models
from django.db.models import Q

from cv.engine.outputs import get_output
from cv.engine.types import Box
from cv.engine.video.types import Moment, Person, Still, VideoResult
from cv.models.analyses import Analysis
from cv.models.faces import Face

TIME_DIGITS = 3
BOX_DIGITS = 1
SHARE_DIGITS = 3


class Video(models.Model):
    """What an analysis of a video has beside one of a photo. Its picture is a Motion JPEG: frames and stills."""

    analysis = models.OneToOneField(Analysis, on_delete=models.CASCADE, primary_key=True, related_name="video")
    seconds = models.FloatField()
    # How many frames were looked at, and how many in a second were asked for.
    frames = models.PositiveIntegerField()
    rate = models.FloatField()
    # When each scene starts, in seconds.
    scenes = models.JSONField(default=list)
    # In the format of ``still_values``.
    storyboard = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.CheckConstraint(name="video_numbers", condition=Q(seconds__gte=0, rate__gt=0)),
        ]

    def __str__(self) -> str:
        return f"video of {self.analysis_id}"


class Track(models.Model):
    """One person of a video: a face that was followed through a scene. The face's row has the fused answers."""

    face = models.OneToOneField(Face, on_delete=models.CASCADE, primary_key=True, related_name="track")
    scene = models.PositiveIntegerField()
    first_at = models.FloatField()
    last_at = models.FloatField()
    best_at = models.FloatField()
    frames = models.PositiveIntegerField()
    # The same for tracks of one person, where identity is on; otherwise null.
    person = models.PositiveIntegerField(null=True, blank=True)
    # In the format of ``moment_values``.
    moments = models.JSONField(default=dict)
    stills = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.CheckConstraint(name="track_times_in_order", condition=Q(first_at__lte=models.F("last_at"))),
        ]

    def __str__(self) -> str:
        return f"track of face {self.face_id}"


def video_row(analysis: Analysis, video: VideoResult, rate: float) -> Video:
    """The unsaved row of a video."""
    return Video(
        analysis=analysis,
        seconds=video.seconds,
        frames=video.frames,
        rate=rate,
        scenes=[round(at, TIME_DIGITS) for at in video.scenes],
        storyboard=still_values(video.storyboard),
    )


def track_row(face: Face, person: Person, group: int | None) -> Track:
    """The unsaved row of a person of a video, whose face is saved."""
    return Track(
        face=face,
        scene=person.scene,
        first_at=person.first_at,
        last_at=person.last_at,
        best_at=person.best_at,
        frames=person.frames,
        person=group,
        moments=moment_values(person.moments),
        stills=still_values(person.stills),
    )


def still_values(stills: tuple[Still, ...]) -> list[dict[str, Any]]:
    """Where each JPEG is in the kept picture, and of which time."""
    return [
        {"kind": still.kind, "at": round(still.at, TIME_DIGITS), "start": still.start, "length": still.length}
        for still in stills
    ]


def moment_values(moments: tuple[Moment, ...]) -> dict[str, Any]:
    """Lists of the same length: times, boxes, and for each output its probabilities, in the order of its labels."""
    names = moments[0].shares if moments else ()
    return {
        "at": [round(moment.at, TIME_DIGITS) for moment in moments],
        "boxes": [[round(side, BOX_DIGITS) for side in _sides(moment.box)] for moment in moments],
        "shares": {
            name: [[round(share, SHARE_DIGITS) for share in moment.shares[name]] for moment in moments]
            for name in names
        },
    }


def video_values(analysis: Analysis) -> dict[str, Any] | None:
    """Everything that is stored of a video beside its faces; None for a photo."""
    video = getattr(analysis, "video", None)
    if video is None:
        return None
    named = ("scene", "first_at", "last_at", "best_at", "frames", "person", "moments", "stills")
    tracks = [(face.index, face.track) for face in analysis.faces.all()]
    return {
        **{name: getattr(video, name) for name in ("seconds", "frames", "rate", "scenes", "storyboard")},
        "people": [{"face": index, **{name: getattr(track, name) for name in named}} for index, track in tracks],
    }


def moment_labels(name: str) -> tuple[str, ...]:
    """The labels of the probabilities of the output ``name``."""
    return get_output(name).labels


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.width, box.height
