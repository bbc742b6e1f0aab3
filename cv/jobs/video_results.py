"""How far a video's job is, its result, and its timeline as a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cv.choices import ItemState
from cv.engine.outputs import all_outputs
from cv.models import Analysis, Job, JobItem, Track
from cv.models.videos import moment_labels
from cv.selectors import unexpired
from cv.tables import Columns, Row

OF_MOMENT: Final[Columns] = {
    "face": "int64",
    "person": "int64",
    "scene": "int64",
    "at": "double",
    **dict.fromkeys(("box_x", "box_y", "box_width", "box_height"), "double"),
}


@dataclass(frozen=True, slots=True)
class VideoStatus:
    """A video's job. ``analysis`` is None until it has been read, and if it was deleted or has expired."""

    job: Job
    item: JobItem | None
    analysis: Analysis | None

    @property
    def progress(self) -> float:
        """The share of the video that has been read."""
        if self.item is None:
            return 0.0
        return 1.0 if self.item.state == ItemState.DONE else self.item.progress


def video_status(job: Job) -> VideoStatus:
    """The job's only item and its result, with people and their tracks."""
    item = JobItem.objects.filter(job=job).first()
    return VideoStatus(job, item, video_analysis(job))


def video_analysis(job: Job) -> Analysis | None:
    rows = Analysis.objects.filter(unexpired(), job_item__job=job, video__isnull=False).select_related("video")
    return rows.prefetch_related("faces__track", "models").first()


def readable_stills(track: Track, allowed: frozenset[str]) -> list[dict[str, Any]]:
    """The kept stills, without those whose kind is a label of an output that the reader may not have."""
    hidden = {output.highlight for output in all_outputs() if output.name not in allowed}
    return [still for still in track.stills if still["kind"] not in hidden]


def moment_columns(allowed: frozenset[str]) -> Columns:
    """The columns of a timeline with only these attributes."""
    momentary = [output for output in all_outputs() if output.momentary and output.name in allowed]
    return OF_MOMENT | {f"{output.name}_{label}": "double" for output in momentary for label in output.labels}


def moment_rows(analysis: Analysis, allowed: frozenset[str]) -> Iterator[Row]:
    """A row for each person and moment: people in order, moments by time."""
    for face in analysis.faces.all():
        moments = face.track.moments
        shares = {name: rows for name, rows in moments["shares"].items() if name in allowed}
        for index, (at, (x, y, width, height)) in enumerate(zip(moments["at"], moments["boxes"], strict=True)):
            row: Row = {"face": face.index, "person": face.track.person, "scene": face.track.scene, "at": at}
            row |= {"box_x": x, "box_y": y, "box_width": width, "box_height": height}
            for name, rows in shares.items():
                labels = moment_labels(name)
                row |= {f"{name}_{label}": share for label, share in zip(labels, rows[index], strict=True)}
            yield row
