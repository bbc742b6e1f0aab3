"""One of each thing that the API answers with, to show in the schema."""

from typing import Final

ANALYSIS: Final = {
    "id": "0f9a2c9e-3c1a-4b0e-9a51-6f3c0d6f2b11",
    "created_at": "2026-11-22T09:30:00.000000Z",
    "image": {
        "width": 512,
        "height": 512,
        "sha256": "88431cd9…",
    },
    "faces": [
        {
            "index": 0,
            "box": {"x": 176.4, "y": 63.2, "width": 92.1, "height": 118.7},
            "confidence": 0.9998,
            "landmarks": {
                "left_eye": [201.3, 112.8],
                "right_eye": [243.9, 109.6],
                "nose": [226.2, 134.1],
                "mouth_left": [208.8, 155.2],
                "mouth_right": [244.0, 152.7],
            },
            "quality": {"score": 0.91, "warnings": []},
            "attributes": {
                "age": {"value": 34.1, "interval": [26.0, 43.0]},
                "gender": {"label": "female", "probabilities": {"female": 0.98, "male": 0.02}},
                "race": {
                    "label": "white",
                    "probabilities": {"white": 0.91, "black": 0.01, "asian": 0.01, "indian": 0.02, "others": 0.05},
                },
                "expression": {
                    "label": "happiness",
                    "probabilities": {
                        "anger": 0.0,
                        "disgust": 0.0,
                        "fear": 0.01,
                        "happiness": 0.95,
                        "sadness": 0.01,
                        "surprise": 0.01,
                        "neutral": 0.02,
                    },
                },
                "beauty": {"value": 6.1, "scale": [1, 10], "interval": [4.9, 7.2]},
            },
        }
    ],
    "model": {
        "name": "faces",
        "version": "1",
        "sha256": "9f86d081…",
    },
    "timing_ms": {"decode": 6.1, "detect": 58.9, "attributes": 31.4, "total": 96.4},
}

DETECTIONS: Final = {
    "image": ANALYSIS["image"],
    "faces": [
        {
            "index": 0,
            "box": {"x": 176.4, "y": 63.2, "width": 92.1, "height": 118.7},
            "confidence": 0.9998,
            "landmarks": {
                "left_eye": [201.3, 112.8],
                "right_eye": [243.9, 109.6],
                "nose": [226.2, 134.1],
                "mouth_left": [208.8, 155.2],
                "mouth_right": [244.0, 152.7],
            },
            "quality": {"score": 0.91, "warnings": []},
        }
    ],
    "timing_ms": {"decode": 6.1, "detect": 58.9, "attributes": 1.4, "total": 66.4},
}
MODEL_CARD: Final = {
    "name": "faces",
    "version": "1",
    "sha256": "9f86d081…",
    "architecture": "resnet34",
    "chip_size": 112,
    "labels": {"gender": ["female", "male"]},
    "licence": "research and non-commercial use",
    "trained_on": ["UTKFace"],
    "interval_coverage": 0.8,
    "metrics": {"age_mae": 5.1},
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
            "picture": {"media_type": "image/jpeg", "base64": "/9j/4AAQSkZJRg…"},
        }
    ],
}
RECEIPT: Final = {
    "receipt": {
        "id": "c2d7f0a4-5f5e-4d53-a1c7-7d9f1f0e3b55",
        "type": "erasure",
        "erased_at": "2026-11-22T09:32:00Z",
        "deleted": {"analyses": 3, "faces": 4, "pictures": 1, "remembered_answers": 0},
    },
    "algorithm": "Ed25519",
    "key_id": "a1b2c3d4e5f60718",
    "signature": "kW9x…==",
}
RECEIPT_KEY: Final = {
    "key_id": "a1b2c3d4e5f60718",
    "algorithm": "Ed25519",
    "pem": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA…\n-----END PUBLIC KEY-----\n",
}
