"""An example of each object in the API's answers, for the schema."""

import base64
import json
from pathlib import Path
from typing import Any, Final

_HERE: Final = Path(__file__).resolve().parent
_PHOTO: Final = (_HERE / "portrait.jpg").read_bytes()
# A photo that can be sent as it stands here: Eileen Collins (NASA, in the public domain).
PORTRAIT: Final = f"data:image/jpeg;base64,{base64.b64encode(_PHOTO).decode()}"
# What weights 1.10.0 answered about it; the times are those of one busy run.
RESULT: Final[dict[str, Any]] = json.loads((_HERE / "portrait.json").read_text())
ANALYSIS: Final[dict[str, Any]] = {
    "id": "0f9a2c9e-3c1a-4b0e-9a51-6f3c0d6f2b11",
    "created_at": "2026-11-22T09:30:00.000000Z",
    **RESULT,
}
DETECTED_FACE: Final = {name: value for name, value in RESULT["faces"][0].items() if name != "attributes"}
DETECTIONS: Final[dict[str, Any]] = {
    "image": RESULT["image"],
    "faces": [DETECTED_FACE],
    "timing_ms": RESULT["timing_ms"],
}
MODEL_CARD: Final = {
    **RESULT["model"],
    "architecture": "two face_resnet branches, a linear head an attribute",
    "chip_size": 150,
    "labels": {"gender": ["female", "male"], "race": ["white", "black", "asian", "indian", "others"]},
    "licence": "Research use only, not commercial: see weights/LICENSE.md",
    "trained_on": ["UTKFace", "FairFace", "RAF-DB"],
    "outputs": ["age", "gender", "race", "expression", "beauty"],
    "interval_coverage": 0.85,
    "metrics": {"utkface.gender_accuracy": 0.9449, "utkface.age_mae": 4.2075, "fairface.gender_accuracy": 0.9085},
    "abstain_below": {"gender": 0.9, "race": 0.6, "expression": 0.45},
    "abstain_wider": {"age": 35, "beauty": 9},
    "abstain_quality": 0.25,
}
MODEL: Final = {
    **MODEL_CARD,
    "training": {
        "identity": {"command": "python -m training.train --recipe identity --data DATA", "date": "2026-11-22"},
        "expression": {"command": "python -m training.train --recipe expression --data DATA", "date": "2026-11-22"},
    },
    "evaluations": [
        {
            "data_set": "utkface",
            "n": 1669,
            "coverage": 0.9982,
            "metrics": {"gender_accuracy": 0.9449, "age_mae": 4.2075},
            "intervals": {"gender_accuracy": [0.9329, 0.9548], "age_mae": [3.9981, 4.4022]},
            "groups": [
                {
                    "by": "gender, race, age",
                    "group": "female, white, 20-29",
                    "n": 60,
                    "metrics": {"gender_accuracy": 1.0, "age_mae": 3.0015},
                    "intervals": {"gender_accuracy": [0.9398, 1.0], "age_mae": [2.4401, 3.641]},
                }
            ],
            "classes": [
                {
                    "attribute": "gender",
                    "labels": ["female", "male"],
                    "confusion": [[752, 48], [44, 825]],
                    "reliability": [{"n": 1371, "confidence": 0.992, "accuracy": 0.9905}],
                }
            ],
            "quality": [
                {
                    "score_from": 0.9631,
                    "score_to": 0.9953,
                    "n": 334,
                    "metrics": {"gender_accuracy": 0.9401},
                    "intervals": {},
                }
            ],
        }
    ],
    "sections": [{"name": "limits", "title": "Limits", "text": "- Labels are other people's guesses."}],
    "pictures": [
        {
            "title": "Confusion matrices: rows are the label, columns the answer",
            "url": "https://faces.example.org/api/v1/models/xcloud-attributes/files/xcloud-attributes-confusion.png",
        }
    ],
}
KEY: Final = {
    "id": 7,
    "name": "door camera",
    "prefix": "3f9a1c0d7e21",
    "user": None,
    "scopes": ["analyse", "read"],
    "attributes": ["age", "gender"],
    "rate_per_minute": 60,
    "created_at": "2026-11-22T09:30:00.000000Z",
    "last_used_at": None,
    "expires_at": "2027-11-22T00:00:00Z",
    "revoked_at": None,
}
# What only the answer to a new key or webhook shows: these open nothing.
NEW_KEY: Final = "xc_3f9a1c0d7e21_BMzpleFVCI1rPgGG7QBL8Qo8A14YweHQMuAUxg8tiFw"
NEW_SECRET: Final = "whsec_i4BLJBaqcRJCip3L5MNSe0TGkxBD4kxF384xag0RNfI="  # noqa: S105
WEBHOOK: Final = {
    "id": "8c1f7a52-4d0e-4a3b-b7de-0c6a9f2d4e10",
    "url": "https://example.org/xcloud",
    "events": ["analysis.created"],
    "active": True,
    "created_at": "2026-11-22T09:30:00.000000Z",
}
DELIVERY: Final = {
    "id": "5a1b0f36-9c9b-4f4e-8f39-2e1d6b7c8a90",
    "event": "analysis.created",
    "state": "pending",
    "attempts": 1,
    "last_status": 503,
    "last_error": "the receiver answered 503",
    "created_at": "2026-11-22T09:30:00.000000Z",
    "next_attempt_at": "2026-11-22T09:30:10.000000Z",
    "finished_at": None,
}
AUDIT_EVENT: Final = {
    "at": "2026-11-22T09:31:00.000000Z",
    "actor": "key:7",
    "action": "analysis.read",
    "objects": ["0f9a2c9e-3c1a-4b0e-9a51-6f3c0d6f2b11"],
    "count": 1,
    "request_id": "5b0c8e0d6f",
}
JOB: Final = {
    "id": "6b1f2a7e-58c4-4d7f-9a53-2f0b7f6f1c02",
    "state": "running",
    "source": "archive",
    "name": "holidays.zip",
    "priority": 0,
    "created_at": "2026-11-22T09:30:00.000000Z",
    "started_at": "2026-11-22T09:30:02.000000Z",
    "finished_at": None,
    "images": 1000,
    "counts": {"pending": 590, "running": 10, "done": 396, "failed": 4, "cancelled": 0},
    "images_per_second": 20.0,
    "seconds_left": 30.0,
    "error": None,
    "options": {
        "attributes": ["age", "gender"],
        "max_faces": 100,
        "min_face_px": 40,
        "store": {"image": False, "chips": False, "ttl_days": 30, "subject": "", "vectors": False},
        "search": None,
    },
}
JOB_ITEM: Final = {
    "index": 7,
    "name": "holidays/7.jpg",
    "state": "failed",
    "error": {"code": "undecodable_image", "message": "the image cannot be decoded: image file is truncated"},
    "analysis": None,
    "finished_at": "2026-11-22T09:30:04.000000Z",
}
FACE_LABELS: Final = {"face": 0, "labels": {"age": 31, "gender": "female"}}
EXPORT: Final = {
    "exported_at": "2026-11-22T09:31:00+00:00",
    "analyses": [
        {
            **ANALYSIS,
            "expires_at": None,
            "subject": "visitor 17",
            "source": "upload",
            "asked_attributes": ["age", "gender"],
            "min_face_px": 40,
            "max_faces": 100,
            "api_key": "door camera",
            "labels": [FACE_LABELS],
            "video": None,
            "vectors": [],
            "chips": [],
            "picture": {"media_type": "image/jpeg", "base64": base64.b64encode(_PHOTO).decode()},
        }
    ],
    "jobs": [{**JOB, "items": [JOB_ITEM]}],
    "enrolled_faces": [],
    "not_this_person": [],
}
RECEIPT: Final = {
    "receipt": {
        "id": "c2d7f0a4-5f5e-4d53-a1c7-7d9f1f0e3b55",
        "type": "erasure",
        "erased_at": "2026-11-22T09:32:00Z",
        "deleted": {
            "analyses": 3,
            "faces": 4,
            "pictures": 1,
            "remembered_answers": 0,
            "jobs": 0,
            "enrolled_faces": 3,
            "vectors": 4,
            "group_memberships": 2,
            "negatives": 1,
            "chips": 0,
        },
    },
    "algorithm": "Ed25519",
    "key_id": "a480746b40becb1d",
    "signature": "u4PK01G5NY7a8r8Yx3vEC1mZDe5JTTCSYoaqBQSVHQPQzdM3+G/EL04jVF1PBnp/UJBvhu0FkDTaLYMk8bLgBA==",
}
LABEL_REPORT: Final = {
    "faces": 212,
    "with_picture": 180,
    "attributes": [
        {
            "output": "gender",
            "n": 212,
            "abstained": 0.0755,
            "answered": 196,
            "right": 188,
            "accuracy": 0.9592,
            "accuracy_interval": [0.9216, 0.9792],
            "mistakes": [
                {"label": "female", "answered": "male", "n": 5},
                {"label": "male", "answered": "female", "n": 3},
            ],
            "error": None,
            "error_interval": None,
            "within": None,
            "within_interval": None,
            "stated": None,
        }
    ],
}
RECEIPT_KEY: Final = {
    "key_id": "a480746b40becb1d",
    "algorithm": "Ed25519",
    "pem": (
        "-----BEGIN PUBLIC KEY-----\n"
        "MCowBQYDK2VwAyEAx/hTkKxlN4ZyZE8zDCPoTSW4REYOcL09rgehmmqCZ6c=\n"
        "-----END PUBLIC KEY-----\n"
    ),
}
EMBEDDING_MODEL: Final = {
    "name": "sface",
    "version": "2021dec",
    "sha256": "18ed5328159872a4d9cddf856b069f385cbda9342bff9094af885f909426ba31",
}
COLLECTION: Final = {
    "id": "b8f6a3d2-7a35-4c1f-8e0b-51f0c2a94d77",
    "created_at": "2026-11-22T09:30:00.000000Z",
    "name": "staff",
    "ttl_days": 365,
    "model": EMBEDDING_MODEL,
    "faces": 12,
    "subjects": 5,
}
ENROLLED_FACE: Final = {
    "id": "3f0e7c1a-2d64-4b8e-a8f5-90c4e1b7d632",
    "created_at": "2026-11-22T09:30:00.000000Z",
    "subject": "ada",
    "expires_at": "2027-11-22T09:30:00.000000Z",
    "consent": "signed on 2026-11-20",
    "quality": 0.91,
    "image_sha256": RESULT["image"]["sha256"],
}
ENROLLED_SUBJECT: Final = {
    "subject": "ada",
    "faces": 3,
    "first_enrolled_at": "2026-11-22T09:30:00.000000Z",
    "last_enrolled_at": "2026-11-24T16:02:11.000000Z",
}
CANDIDATE: Final = {"subject": "ada", "face": ENROLLED_FACE["id"], "similarity": 0.7312, "probability": 0.999998}
SEARCH: Final = {
    "collection": COLLECTION["id"],
    "image": ANALYSIS["image"],
    "fmr": 0.001,
    "enrolled": 12,
    "threshold": 0.4453,
    "faces": [
        {"face": DETECTED_FACE, "unknown": False, "match": CANDIDATE, "candidates": [CANDIDATE], "doubts": []},
    ],
}
GROUPS: Final = {
    "collection": COLLECTION["id"],
    "threshold": 0.48,
    "known": [{"name": "c.jpg#1", "match": CANDIDATE}],
    "groups": [{"group": "", "best": "a.jpg#0", "faces": ["a.jpg#0", "b.jpg#0"]}],
}
GROUP: Final = {
    "id": "6b1d2c77-93f0-4a34-8f3a-0d5a1e7c2b90",
    "created_at": "2026-11-22T09:30:00.000000Z",
    "count": 2,
    "faces": [
        {"analysis": ANALYSIS["id"], "index": 0, "quality": 0.91, "doubts": []},
        {"analysis": "e5f4a3b2-0c1d-4e2f-9a8b-7c6d5e4f3a21", "index": 2, "quality": 0.64, "doubts": ["child"]},
    ],
}
VERIFICATION: Final = {
    "collection": COLLECTION["id"],
    "subject": "ada",
    "face": DETECTED_FACE,
    "enrolled_face": ENROLLED_FACE["id"],
    "similarity": 0.7312,
    "probability": 0.999999,
    "doubts": [],
    "same": True,
    "fmr": 0.0001,
    "threshold": 0.443,
}
