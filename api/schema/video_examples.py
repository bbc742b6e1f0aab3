"""An example of each answer about a video, for the schema."""

from typing import Final

from api.schema.examples import ANALYSIS, JOB
from cv.engine.labels import CLASSES, Attribute

VIDEO_JOB: Final = {
    **JOB,
    "state": "pending",
    "source": "video",
    "name": "wedding.mp4",
    "started_at": None,
    "images": 1,
    "counts": {"pending": 1, "running": 0, "done": 0, "failed": 0, "cancelled": 0},
    "images_per_second": None,
    "seconds_left": None,
}
VIDEO: Final = {
    "id": JOB["id"],
    "state": "done",
    "name": "wedding.mp4",
    "created_at": "2026-11-22T09:30:00.000000Z",
    "finished_at": "2026-11-22T09:30:04.000000Z",
    "progress": 1.0,
    "error": None,
    "result": {
        "analysis": ANALYSIS["id"],
        "created_at": "2026-11-22T09:30:04.000000Z",
        "image": {"width": 1280, "height": 720, "sha256": ANALYSIS["image"]["sha256"]},
        "model": ANALYSIS["model"],
        "models": ANALYSIS["models"],
        "timing_ms": {"decode": 371.2, "detect": 1120.4, "attributes": 1043.7, "total": 2535.3},
        "seconds": 7.967,
        "frames": 40,
        "rate": 5.0,
        "scenes": [0.0],
        "storyboard": [0.0, 0.2],
        "people": [
            {
                "face": ANALYSIS["faces"][0],
                "person": None,
                "scene": 0,
                "first_at": 0.0,
                "last_at": 0.2,
                "best_at": 0.2,
                "frames": 2,
                "stills": [{"kind": "sharpest", "at": 0.2}, {"kind": "happiness", "at": 0.0}],
                "moments": {
                    "at": [0.0, 0.2],
                    "boxes": [[582.0, 61.2, 142.5, 174.2], [580.1, 61.6, 142.8, 174.0]],
                    "labels": {"expression": list(CLASSES[Attribute.EXPRESSION])},
                    "shares": {
                        "expression": [
                            [0.001, 0.002, 0.001, 0.981, 0.001, 0.004, 0.01],
                            [0.001, 0.002, 0.001, 0.979, 0.001, 0.004, 0.012],
                        ]
                    },
                },
            }
        ],
    },
}
